//! What waits, as people name it: `12`, `policy-3`, `lift-payroll`.

use std::fmt;
use std::str::FromStr;

use bursar_core::name::Name;

/// One thing that waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// A payment, by its spend.
    Payment(u64),
    /// A policy bundle that was put forward.
    Policy(u64),
    /// A frozen account that may go on.
    Lift(Name),
}

/// One thing, or all payments between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This one.
    One(Id),
    /// Those of these payments that wait, first and last included.
    Range(u64, u64),
}

const POLICY: &str = "policy-";
const LIFT: &str = "lift-";

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payment(id) => id.fmt(f),
            Self::Policy(number) => write!(f, "{POLICY}{number}"),
            Self::Lift(account) => write!(f, "{LIFT}{account}"),
        }
    }
}

impl FromStr for Pick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(account) = text.strip_prefix(LIFT) {
            let account = account.parse().map_err(|error: bursar_core::name::NameError| error.to_string())?;
            return Ok(Self::One(Id::Lift(account)));
        }
        let id = match text.strip_prefix(POLICY) {
            Some(number) => whole(number).map(|number| Self::One(Id::Policy(number))),
            None => match text.split_once('-') {
                Some((first, last)) => {
                    whole(first).zip(whole(last)).map(|(first, last)| Self::Range(first, last))
                }
                None => whole(text).map(|id| Self::One(Id::Payment(id))),
            },
        };
        id.ok_or_else(|| {
            "an id is a payment's number, like 12 (or 12-51 for many), policy-3 or lift-ACCOUNT, as `bursar inbox` \
             lists them"
                .to_owned()
        })
    }
}

/// Digits alone: no sign.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn case_table() {
        let lift = |account: &str| Pick::One(Id::Lift(account.parse().unwrap()));
        for (text, pick) in [
            ("12", Pick::One(Id::Payment(12))),
            ("12-51", Pick::Range(12, 51)),
            ("policy-3", Pick::One(Id::Policy(3))),
            ("lift-petty cash", lift("petty cash")),
            ("lift-a-b", lift("a-b")),
            ("lift-12", lift("12")),
        ] {
            assert_eq!(text.parse(), Ok(pick.clone()), "{text}");
            if let Pick::One(id) = pick {
                assert_eq!(id.to_string(), text);
            }
        }
        for text in
            ["", "-1", "+1", "1-", "a", "policy-", "policy--1", "lift-", "1-2-3", "99999999999999999999"]
        {
            assert!(text.parse::<Pick>().is_err(), "{text:?}");
        }
    }
}
