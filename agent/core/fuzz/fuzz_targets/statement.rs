#![no_main]
//! What decodes is canonical, and only one kind of statement: it encodes to the same bytes.

use bursar_core::approval::{Ballot, BreakGlass, Freeze, Item, Lift, Payload, PolicyChange, Statement};
use libfuzzer_sys::fuzz_target;

fn decodes<T: Statement>(bytes: &[u8]) -> usize {
    let Ok(payload) = Payload::<T>::decode(bytes.to_vec()) else { return 0 };
    assert_eq!(payload.bytes(), bytes);
    assert_eq!(Payload::encode(payload.statement().clone()), Ok(payload));
    1
}

fuzz_target!(|bytes: &[u8]| {
    let kinds = decodes::<Ballot>(bytes)
        + decodes::<PolicyChange>(bytes)
        + decodes::<BreakGlass>(bytes)
        + decodes::<Freeze>(bytes)
        + decodes::<Lift>(bytes);
    assert!(kinds <= 1);
    if let Ok(item) = Item::decode(bytes) {
        assert_eq!(item.encode().as_deref(), Ok(bytes));
    }
});
