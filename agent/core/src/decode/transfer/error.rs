//! Why bytes are no transfer.

use super::{Kind, MAX_SIGNING_BYTES};
use crate::key::PublicKey;
use crate::time::Timestamp;

/// Why bytes are not a valid transfer, or not signed by the account it is from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The payload type is another one.
    #[error(
        "the payload type is {0:?}; only {pay} and {issue} are accepted",
        pay = Kind::Pay.payload_type(),
        issue = Kind::Issue.payload_type()
    )]
    Type(String),
    /// Too long to be signed by every token.
    #[error("what is signed has to stay below {MAX_SIGNING_BYTES} bytes, it has {0}; shorten the memo")]
    TooLong(usize),
    /// Not the JSON of a transfer.
    #[error("this is not a transfer.v1 or issue.v1: {0}; write its nine fields as the format says")]
    Form(String),
    /// Well-formed JSON, but not the one encoding of its content.
    #[error(
        "this transfer is not written in its one canonical form; write the fields in their order, without white space or needless escapes"
    )]
    NotCanonical,
    /// Moves nothing.
    #[error("the amount is zero; name at least one minor unit")]
    Nothing,
    /// To the account it is from.
    #[error("it is from and to the same account; name another recipient")]
    SameAccount,
    /// A fraction of a second.
    #[error("created and valid_until are whole seconds; leave the fraction out")]
    Fraction,
    /// Ends before it begins, or lives too long.
    #[error("valid_until has to be after created, by at most 7 days; it is {valid_until}, created {created}")]
    Life {
        /// When it was made.
        created: Timestamp,
        /// Its end.
        valid_until: Timestamp,
    },
    /// The envelope has another number of signatures, or one by another key.
    #[error("a transfer carries exactly one signature, by the account it is from; have {0} sign it")]
    Signer(PublicKey),
    /// The signature does not hold.
    #[error("the signature of {0} does not hold for this transfer; sign it again")]
    Signature(PublicKey),
}
