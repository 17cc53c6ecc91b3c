//! Why something is not a signed statement, or no vote.

use super::{MAX_BATCH, MAX_VOTE};
use crate::decode::transfer::MAX_SIGNING_BYTES;
use crate::envelope::EnvelopeError;
use crate::key::PublicKey;
use crate::log::ProofError;
use crate::time::Timestamp;

/// Why bytes are not a statement that keeps all rules, not signed, or not a vote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Not a DSSE envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The payload type is another one.
    #[error("the payload type is {found:?}, and {noun} is {expected}; sign it for this purpose")]
    Type {
        /// What it is, cut.
        found: String,
        /// What it has to be.
        expected: &'static str,
        /// What was expected, in words.
        noun: &'static str,
    },
    /// Too long to be signed by every token.
    #[error("what is signed has to stay below {MAX_SIGNING_BYTES} bytes, it has {0}; shorten the reason")]
    TooLong(usize),
    /// Not the JSON of this statement.
    #[error("this is not {noun}: {what}; make it again with `bursar`")]
    Form {
        /// What was expected, in words.
        noun: &'static str,
        /// What is wrong, and where.
        what: String,
    },
    /// Well-formed JSON, but not the one encoding of its content.
    #[error(
        "{0} is not written in its one canonical form; write the fields in their order, without white space or needless escapes"
    )]
    NotCanonical(&'static str),
    /// Ends before it begins, or holds for too long.
    #[error("it has to expire after it was signed, within 7 days; it expires {expires}, signed {signed}")]
    Period {
        /// When it was signed.
        signed: Timestamp,
        /// Its end.
        expires: Timestamp,
    },
    /// A refusal without a reason.
    #[error("a refusal needs a reason; say why with --why")]
    NoReason,
    /// Decides on nothing, or on too much.
    #[error("a ballot decides on 1 to {MAX_BATCH} payments, not {0}; sign several")]
    Count(u32),
    /// No version, or no change.
    #[error(
        "a bundle has a version of 1 or more and is another one than the bundle in force; raise the version"
    )]
    Bundle,
    /// Another number of signatures than one.
    #[error("{noun} carries exactly one signature, not {found}; send each person's on its own")]
    Signatures {
        /// What was expected, in words.
        noun: &'static str,
        /// How many it has.
        found: usize,
    },
    /// Not an algorithm of people's keys.
    #[error(
        "{0} cannot decide: people sign with ed25519 or p256; generate such a key with `bursar key generate`"
    )]
    Algorithm(PublicKey),
    /// The signature does not hold.
    #[error("the signature of {key} on {noun} does not hold; sign it again")]
    Signature {
        /// Whose it claims to be.
        key: PublicKey,
        /// What was signed, in words.
        noun: &'static str,
    },
    /// Longer than a vote can be.
    #[error("a vote has at most {MAX_VOTE} bytes, not {0}; send each vote on its own")]
    VoteTooLong(usize),
    /// Item and proof are of another ballot.
    #[error("the item is not one of those that the ballot decides on: {0}")]
    Proof(#[from] ProofError),
    /// The signed ballot is over other items.
    #[error("the ballot was signed over other items than these; sign it again over these")]
    OtherItems,
}
