//! Condition: so much time from one payment to the next.

use std::sync::Arc;

use super::budget::{Budget, Cap};
use super::raw;
use super::window::Window;
use crate::name::Name;

/// At most one payment in any stretch of that length: what is held counts as being paid now, so
/// that two payments under way are as far apart as two that are recorded.
pub(super) fn spacing(name: &Name, raw: &raw::Spacing) -> Arc<Budget> {
    Arc::new(Budget {
        name: name.clone(),
        per: raw.per,
        window: Window::Rolling(raw.at_least),
        cap: Cap::Spacing,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::counters::Span;
    use crate::policy::{Counters, DenialCode, Draw, Per};
    use crate::time::Timestamp;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_339_800_000 + seconds * 1000).unwrap()
    }

    #[test]
    fn case_table() {
        let raw = raw::Spacing { at_least: "1h".parse().unwrap(), per: Some(Per::Recipient) };
        let budget = spacing(&"slowly".parse().unwrap(), &raw);
        assert_eq!(budget.to_string(), "60 minutes from one payment to the next per recipient");
        let draw = |key: &str| Draw::of(&budget, Some(key.parse().unwrap()), 1.into());
        let mut counters = Counters::default();
        counters.hold(&[draw("shop")]);
        // Held: nobody knows yet when it will be recorded.
        assert!(!counters.has_room(&draw("shop"), at(7200)));
        counters.settle(&[draw("shop")], Span { earliest: at(0), latest: at(0) });
        for (seconds, key, allowed) in [
            (0, "shop", false),
            (3599, "shop", false),
            // Up to 1/256 of the hour late.
            (3600 + 15, "shop", true),
            (0, "kiosk", true),
        ] {
            assert_eq!(counters.has_room(&draw(key), at(seconds)), allowed, "{seconds} {key}");
        }
        assert_eq!(draw("shop").code(), DenialCode::Spacing);
    }
}
