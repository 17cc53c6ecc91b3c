//! What people decide by signature, and whose decisions count.
//!
//! A person signs a typed [`Statement`] with the key of one role. Each has its own payload type, so
//! that no signature for one purpose is valid for another, and only its own fields:
//!
//! | statement | says | counted by |
//! |---|---|---|
//! | [`Ballot`] | these payments are approved, or refused | [`tally`] of [`Vote`]s |
//! | [`PolicyChange`] | this bundle follows the one in force | [`tally`] |
//! | [`BreakGlass`] | this bundle holds for a day | [`tally`] |
//! | [`Freeze`] | nothing leaves this account | [`Freeze::admit`]: one is enough |
//! | [`Lift`] | that freeze ends | [`tally`] |
//!
//! One [`Ballot`] decides on up to [`MAX_BATCH`] payments: it carries the Merkle root (RFC 6962) of
//! their [`Item`]s. Each payment keeps its [`Vote`]: the ballot, its own item and the proof that the
//! two belong together. So a vote travels with one payment, is verified without an agent, and shows
//! nothing of the others.
//!
//! [`quorum`] tells from the names that [`tally`] counted whose decision is missing. [`may_follow`] and
//! [`Agreements`] say which bundle takes the place of another; a [`Chain`] verifies a series of them.

mod admit;
mod ballot;
mod batch;
mod break_glass;
mod chain;
mod decision;
mod error;
mod freeze;
mod item;
mod lift;
mod policy_change;
pub mod quorum;
mod roster;
mod signed;
mod statement;
mod succession;
mod tally;
mod vote;

pub use admit::{Code, MAX_EARLY_MS, NotCounted};
pub use ballot::{Ballot, MAX_BATCH, SignedBallot};
pub use batch::{Batch, BatchError};
pub use break_glass::BreakGlass;
pub use chain::{Agreed, Chain, ChainError, Emergency, Few, Followed};
pub use decision::{Decision, MAX_PERIOD_MS, Verdict};
pub use error::ApprovalError;
pub use freeze::Freeze;
pub use item::{HomeId, Item};
pub use lift::{AskedLift, Lift};
pub use policy_change::{AskedBundle, PolicyChange};
pub use roster::{Person, Roster, RosterError};
pub use signed::Signed;
pub use statement::{Payload, Statement};
pub use succession::{Agreements, BREAK_GLASS_MS, SuccessionError, keeps_decimals, may_follow};
pub use tally::{Cast, Refusal, Tally, one_more, tally};
pub use vote::{Asked, MAX_VOTE, Vote};
