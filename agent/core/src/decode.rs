//! From bytes to be signed to what they do: one file per transaction format. Whatever is not
//! the one canonical encoding of a known format is refused.

pub mod memo;
pub mod transfer;
