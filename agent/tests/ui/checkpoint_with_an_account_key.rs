//! A key signs only the statements of its own role.

use bursar::token::role::{AccountKey, AuditCheckpoint};
use bursar::token::{self, Token};

async fn wrong(token: &Token, key: &AccountKey, checkpoint: AuditCheckpoint) {
    let _ = token::state(token, key, checkpoint).await;
}

fn main() {}
