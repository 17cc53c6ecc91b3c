//! The policy bundle of a new home: it denies everything until somebody edits it.

/// The text. Lines that begin with `#` and no space are examples, to be used by taking the sign away.
pub const TEXT: &str = include_str!("policy_skeleton.toml");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bursar_core::policy::Policy;

    use super::TEXT;

    #[test]
    fn it_parses_and_allows_nothing() {
        let policy = Policy::parse(TEXT).unwrap();
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
        assert_eq!(
            policy.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
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
