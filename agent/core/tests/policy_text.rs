//! Any text is read or refused: nothing panics, nothing takes for ever, nothing fills the memory.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod reference;

use bursar_core::policy::Policy;
use proptest::prelude::*;
use reference::spec::bundle;
use reference::text::text;

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics(
        bundle in bundle(0.2),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8), 0..6),
        noise in "\\PC{0,200}",
    ) {
        let mut bytes = text(&bundle).into_bytes();
        for (at, byte, edit) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"[]{}=\"'.,#\n-019tTZ:"[usize::from(byte) % 19]),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        for text in [String::from_utf8_lossy(&bytes).as_ref(), &noise] {
            match Policy::parse(text) {
                Ok(policy) => drop((policy.warnings(), policy.rules().count())),
                Err(error) => prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1),
            }
        }
    }
}

#[test]
fn deep_nesting_is_refused_or_read_and_never_overflows_the_stack() {
    let depth = 200_000;
    for text in [
        format!("x = {}", "[".repeat(depth)),
        format!("x = {}1{}", "[".repeat(depth), "]".repeat(depth)),
        format!("x = {}", "{a=".repeat(depth)),
        format!("[{}a]", "a.".repeat(depth)),
        format!("{}a = 1", "a.".repeat(depth)),
        format!("x = {{ {}a = 1 }}", "a.".repeat(depth)),
        "[[allow]]\n".repeat(depth),
    ] {
        assert!(Policy::parse(&text).is_err());
    }
}
