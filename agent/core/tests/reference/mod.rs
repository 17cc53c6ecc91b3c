//! A slow evaluator of policies that is obviously right, and what makes policies and payments for
//! it. It shares only plain types with the product: each bundle is kept as it was made, and the
//! product reads the text that is written of it.
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod ask;
pub mod evaluator;
pub mod spec;
pub mod text;
pub mod world;
