//! The policy bundle of a new home: it denies everything until somebody edits it.

use bursar_core::amount::Asset;

use super::config_text::key;

/// The text for EUR. Lines that begin with `#` and no space are examples, to be used by taking the
/// sign away.
const TEXT: &str = include_str!("policy_skeleton.toml");
/// What stands in it for another asset's lines.
const EUR: &str = "[assets.EUR]\ndecimals = 2\n";

/// The text for a ledger with this asset.
pub fn text(asset: &Asset) -> String {
    let lines = format!("[assets.{}]\ndecimals = {}\n", key(asset.name().as_str()), asset.decimals());
    TEXT.replacen(EUR, &lines, 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bursar_core::policy::Policy;

    use super::*;

    #[test]
    fn it_parses_and_allows_nothing() {
        let asset = Asset::new("GRANT 7".parse().unwrap(), 0).unwrap();
        let policy = Policy::parse(&text(&asset)).unwrap();
        assert_eq!(policy.assets().collect::<Vec<_>>(), [&asset]);
        assert_eq!(policy.rules().count(), 0);
        assert!(policy.warnings().iter().any(|warning| warning.to_string().contains("denies every payment")));
    }

    #[test]
    fn every_example_in_it_parses() {
        let open: String = TEXT
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(example) if !example.starts_with([' ', '#']) => example,
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let policy = Policy::parse(&open).unwrap();
        // Whoever begins owns the folder; the examples are of rules.
        let warnings: Vec<String> = policy.warnings().iter().map(ToString::to_string).collect();
        assert!(matches!(warnings.as_slice(), [one] if one.contains("no [administrators]")), "{warnings:?}");
        for shown in [
            "[[allow]]",
            "[[limit]]",
            "[[forbid]]",
            "accounts =",
            "assets =",
            "recipients =",
            "categories =",
            "callers =",
            "per_payment =",
            "budget =",
            "count =",
            "hours =",
            "valid =",
            "rolling =",
            "calendar =",
            "zone =",
            "per = ",
        ] {
            assert!(open.contains(shown), "{shown} has no example");
        }
    }
}
