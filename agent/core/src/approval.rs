//! What a manager signs, and how it is verified.

pub mod quorum;
