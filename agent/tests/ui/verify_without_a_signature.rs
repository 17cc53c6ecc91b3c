//! A signed transfer exists only after its signature was verified.

use bursar_core::decode::transfer::{Payload, SignedTransfer};
use bursar_core::key::Signature;

fn forge(payload: Payload) -> SignedTransfer {
    SignedTransfer { payload, signature: Signature([0; 64]) }
}

fn main() {}
