//! Only the token makes a `Signed`.

use bursar::token::Signed;
use bursar_core::decode::transfer::SignedTransfer;

fn forge(transfer: SignedTransfer) -> Signed {
    Signed { spend: 1, transfer }
}

fn main() {}
