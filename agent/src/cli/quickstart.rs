//! `bursar quickstart`: from nothing to judged, signed, recorded and verified payments.

/// The payments of the quick start, in the home folder; it also marks a home as made by one.
pub const CSV: &str = "quickstart.csv";
