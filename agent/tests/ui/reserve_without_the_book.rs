//! Only the book reserves: nobody else can make what `sign` demands.

use bursar::book::Reserved;
use bursar_core::decode::transfer::Payload;

fn forge(payload: Payload) -> Reserved {
    Reserved { spend: 1, account: "expenses".parse().unwrap(), payload }
}

fn main() {}
