//! The rollback anchor: what the token remembers of the book.
//!
//! A data object in the token holds size and root of the audit log and the hash of the policy. A
//! book that is older, or another one, is refused. (A software token on the same disk can be
//! restored together with the book; only a real token defends against that.)

use bursar_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::book::hex::Hex;
use crate::book::{Book, Head};
use crate::store::WriteError;
use crate::token::{Token, TokenError};

/// What the token remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Number of records in the audit log.
    pub size: u64,
    /// Its root at that size.
    pub root: Hex<32>,
    /// SHA-256 of the policy bundle in force.
    pub policy: Hex<32>,
    /// When it was written.
    pub at: Timestamp,
}

/// Why the book does not fit the anchor.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The book.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Records are gone.
    #[error(
        "the book has {found} records, but the token remembers {known} at {at}: an older state was restored, and \
         what was paid since then would be paid again. Put the current book.db back; if it is lost for good, \
         `bursar serve --accept-rollback` goes on without what is missing"
    )]
    Behind {
        /// In the book.
        found: u64,
        /// In the token.
        known: u64,
        /// Since when.
        at: Timestamp,
    },
    /// Another history.
    #[error(
        "the book's first {known} records are not the ones the token remembers: this is another book, or it was \
         changed. Put the right book.db back"
    )]
    Differs {
        /// How many records the token remembers.
        known: u64,
    },
    /// The token remembers nothing, and the book is not new.
    #[error(
        "the token has no anchor for this book, which has {0} records: the token was replaced or its anchor deleted. \
         If you know why, `bursar serve --accept-rollback` writes a new one"
    )]
    Lost(u64),
    /// The anchor cannot be read.
    #[error(
        "the anchor in the token cannot be read ({0}); if you know why, `bursar serve --accept-rollback` writes a new one"
    )]
    Unreadable(String),
}

/// The label of a home's anchor.
pub fn label(home: &str) -> String {
    format!("bursar-anchor-{home}")
}

/// Refuses a book that is behind the token's memory, or has another history.
pub async fn check(token: &Token, home: &str, book: &Book) -> Result<(), AnchorError> {
    let head = book.head().await?;
    let Some(bytes) = token.read_data(&label(home)).await? else {
        return if book.is_new().await? { Ok(()) } else { Err(AnchorError::Lost(head.size)) };
    };
    let anchor: Anchor =
        serde_json::from_slice(&bytes).map_err(|error| AnchorError::Unreadable(error.to_string()))?;
    match book.root_at(anchor.size).await? {
        None => Err(AnchorError::Behind { found: head.size, known: anchor.size, at: anchor.at }),
        Some(root) if root == anchor.root.0 => Ok(()),
        Some(_) => Err(AnchorError::Differs { known: anchor.size }),
    }
}

/// Writes where the book stands. If this is lost, a restored book is noticed only up to the write before.
pub async fn write(token: &Token, home: &str, head: Head) -> Result<(), TokenError> {
    let anchor =
        Anchor { size: head.size, root: Hex(head.root), policy: Hex(head.policy), at: crate::clock::wall() };
    token.write_data(&label(home), serde_json::to_vec(&anchor).unwrap_or_default()).await
}
