//! One reservation, one signature: signing consumes it.

use bursar::book::Reserved;
use bursar::token::{self, Token, role::AccountKey};

async fn twice(token: &Token, key: &AccountKey, reserved: Reserved) {
    let _ = token::sign(token, key, reserved).await;
    let _ = token::sign(token, key, reserved).await;
}

fn main() {}
