//! One reservation, one signature: signing consumes it.

use bursar::book::Reserved;
use bursar::token::{self, Token, role::AccountKey};
use bursar_core::time::Timestamp;

async fn twice(token: &Token, key: &AccountKey, reserved: Reserved) {
    let _ = token::sign(token, key, reserved, Timestamp::EPOCH).await;
    let _ = token::sign(token, key, reserved, Timestamp::EPOCH).await;
}

fn main() {}
