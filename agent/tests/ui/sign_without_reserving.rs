//! A payload that was not reserved cannot be signed.

use bursar::token::{self, Token, role::AccountKey};
use bursar_core::time::Timestamp;
use bursar_core::decode::transfer::Payload;

async fn sign(token: &Token, key: &AccountKey, payload: Payload) {
    let _ = token::sign(token, key, payload, Timestamp::EPOCH).await;
}

fn main() {}
