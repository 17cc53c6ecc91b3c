//! A signature leaves only as `Kept`, and only the book makes that.

use bursar::book::Kept;
use bursar_core::decode::transfer::SignedTransfer;

fn forge(transfer: SignedTransfer) -> Kept {
    Kept { spend: 1, transfer }
}

fn main() {}
