//! The pure core of Bursar: no clock, no randomness, no disk, no network, no token.
//!
//! | module | noun |
//! |---|---|
//! | [`approval`] | what people decide by signature, and whose decisions count |
//! | [`amount`] | checked integer amounts of an asset |
//! | [`approval`] | what a manager signs, and how it is verified |
//! | [`key`] | public keys, signatures, addresses |
//! | [`name`], [`time`], [`hex`] | names, points in time, bytes as hex |
//! | [`intent`] | what a transaction does |
//! | [`decode`] | bytes to be signed -> intent, one file per transaction format |
//! | [`envelope`] | DSSE |
//! | [`policy`] | text -> policy; `judge` |
//! | [`role`] | what a caller may do |
//! | [`text`] | values whose only form is text |
//! | [`log`] | RFC 6962 Merkle tree, checkpoints, proofs |

pub mod amount;
pub mod approval;
pub mod decode;
pub mod envelope;
pub mod hex;
pub mod intent;
pub mod key;
pub mod log;
pub mod name;
pub mod policy;
pub mod role;
pub mod text;
pub mod time;
