//! The policy bundle of a new home: it denies everything until somebody edits it.

use bursar_core::amount::Asset;
use bursar_core::key::PublicKey;

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

/// A bundle that this administrator alone changes from now on. It stands where the version is
/// counted, or at the end.
pub fn with_administrator(text: &str, name: &str, key: &PublicKey) -> String {
    let section = format!(
        "\n# Who puts another version of this file in force: `bursar policy install policy.toml`. Name more\n\
         # people and raise `need`, so that nobody does it alone; those in force decide about the next ones.\n\
         [administrators]\nneed = 1\nkeys = {{ {} = \"{key}\" }}\n",
        self::key(name)
    );
    let after = text
        .split_inclusive('\n')
        .scan(0, |at, line| {
            *at += line.len();
            Some((line, *at))
        })
        .find(|(line, _)| line.starts_with("version ") || line.starts_with("version="))
        .map_or(text.len(), |(_, end)| end);
    let (before, rest) = text.split_at(after);
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{end}{section}{rest}")
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
    fn one_administrator_changes_it() {
        let key: PublicKey =
            "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse().unwrap();
        for text in
            [TEXT, "version = 1\n", "version = 1", "[groups]\na = [\"b\"]\n\n[assets.X]\ndecimals = 0"]
        {
            let with = with_administrator(text, "the owner", &key);
            let parsed = Policy::parse(&if text.contains("version") {
                with.clone()
            } else {
                format!("version = 1\n{with}")
            });
            let parsed = parsed.unwrap();
            let all = parsed.administrators().unwrap();
            assert_eq!((all.need, all.keys.len()), (1, 1), "{with}");
            assert_eq!(all.keys.get("the owner"), Some(&key));
        }
    }

    #[test]
    fn every_example_in_it_parses() {
        let text = with_administrator(
            TEXT,
            "owner",
            &"ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c".parse().unwrap(),
        );
        let open: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(example) if !example.starts_with([' ', '#']) => example,
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let policy = Policy::parse(&open).unwrap();
        let warnings: Vec<String> = policy.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(warnings, Vec::<String>::new());
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
