//! Condition: so many people have to approve.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::amount_cap::AmountCap;
use crate::amount::Amount;
use crate::approval::quorum::{Missing, Need, feasible, missing};
use crate::name::Name;

/// So many of these people, always or in certain cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quorum {
    pub need: Need,
    /// Only above this amount; the amount itself needs nobody.
    pub above: Option<AmountCap>,
    /// Only in the first payment to a recipient.
    pub first: bool,
}

/// The quorums of one rule, as far as judging without history can tell.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub rule: Name,
    pub quorums: Vec<Arc<Quorum>>,
    /// The draw that sums up what the same requester sent to the same recipient, if the rule has a
    /// window: then `above` is about the sum.
    pub watch: Option<usize>,
    /// Who asks under the requester's name, and so does not approve.
    pub asking: BTreeSet<Name>,
}

/// Who has to approve a payment before it may be made, because of one rule.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wanted {
    /// The rule.
    pub rule: Name,
    /// What is missing: all of it is needed, each person counted once.
    pub missing: Vec<Missing>,
}

impl Quorum {
    /// Is it needed for this amount, or sum?
    pub(super) fn applies(&self, sum: Option<Amount>, first: bool) -> bool {
        let above = self.above.as_ref();
        match (above, self.first) {
            (None, false) => true,
            // A sum that overflows is above everything.
            (above, by_first) => {
                (by_first && first) || above.is_some_and(|above| sum.is_none_or(|sum| sum > above.cap))
            }
        }
    }
}

impl Ask {
    /// What is missing, given the sum that counts and whether the recipient is new. `Err` says that
    /// nobody could ever make it good: there are too few people beside those who ask under the name
    /// of the requester.
    pub(super) fn wanted(
        &self,
        sum: Option<Amount>,
        first: bool,
        requester: &Name,
        voters: &BTreeSet<Name>,
    ) -> Result<Option<Wanted>, String> {
        let needs: Vec<Need> = self
            .quorums
            .iter()
            .filter(|quorum| quorum.applies(sum, first))
            .map(|quorum| Need {
                from: quorum.need.from.iter().filter(|name| !self.asking.contains(*name)).cloned().collect(),
                ..quorum.need.clone()
            })
            .collect();
        let everybody: BTreeSet<Name> = needs.iter().flat_map(|need| &need.from).cloned().collect();
        if !feasible(&needs, &everybody) {
            let words: Vec<_> = needs.iter().map(|need| format!("{} of {}", need.need, need.label)).collect();
            let who = if self.asking.iter().all(|name| name == requester) {
                format!("{requester}, who asks")
            } else {
                format!("whoever asks as {requester} ({})", super::denial::list(&self.asking))
            };
            return Err(format!(
                "{} have to approve, and without {who}, there are too few of them",
                words.join(" and ")
            ));
        }
        let missing = missing(&needs, voters);
        Ok((!missing.is_empty()).then(|| Wanted { rule: self.rule.clone(), missing }))
    }
}

impl fmt::Display for Quorum {
    /// `2 of managers above 5000.00 EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.need.need, self.need.label)?;
        if let Some(above) = &self.above {
            write!(f, " above {}", above.asset.format(above.cap))?;
        }
        match (self.first, &self.above) {
            (true, Some(_)) => f.write_str(", or in the first payment to a new recipient"),
            (true, None) => f.write_str(" in the first payment to a new recipient"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Wanted {
    /// `rule "payroll" needs 2 of managers (has anna; ben, chloe can)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule \"{}\" needs ", self.rule)?;
        for (i, missing) in self.missing.iter().enumerate() {
            let and = if i == 0 { "" } else { " and " };
            let can = super::denial::list(&missing.of);
            write!(f, "{and}{} of {} (", missing.need, missing.label)?;
            match missing.have.as_slice() {
                [] => write!(f, "{can} can)")?,
                have => write!(f, "has {}; {can} can)", super::denial::list(have))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::amount::Asset;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn quorum(need: u32, above: Option<u64>, first: bool) -> Quorum {
        let asset = Asset::new(name("EUR"), 2).unwrap();
        Quorum {
            need: Need {
                need,
                from: ["anna", "ben", "chloe"].map(name).to_vec(),
                label: "managers".to_owned(),
            },
            above: above.map(|cap| AmountCap { asset, cap: cap.into() }),
            first,
        }
    }

    #[test]
    fn when_it_applies() {
        let sum = |units: u64| Some(Amount::from(units));
        for (above, first, asked, new, applies) in [
            (None, false, sum(1), false, true),
            // Strict: the amount itself needs nobody.
            (Some(500), false, sum(500), false, false),
            (Some(500), false, sum(501), false, true),
            (Some(500), false, None, false, true),
            (Some(500), false, sum(1), true, false),
            (None, true, sum(501), false, false),
            (None, true, sum(1), true, true),
            (Some(500), true, sum(1), true, true),
            (Some(500), true, sum(501), false, true),
            (Some(500), true, sum(500), false, false),
        ] {
            assert_eq!(
                quorum(2, above, first).applies(asked, new),
                applies,
                "{above:?} {first} {asked:?} {new}"
            );
        }
        assert_eq!(quorum(2, Some(500_000), false).to_string(), "2 of managers above 5000.00 EUR");
    }

    #[test]
    fn whoever_asks_never_counts() {
        let ask = |need, asking: &[&str]| Ask {
            rule: name("payroll"),
            quorums: vec![Arc::new(quorum(need, None, false))],
            watch: None,
            asking: asking.iter().copied().map(name).collect(),
        };
        let voters: BTreeSet<Name> = ["anna", "ben"].map(name).into();
        let wanted = |need, requester, asking: &[&str]| {
            ask(need, asking).wanted(None, false, &name(requester), &voters)
        };
        assert_eq!(wanted(2, "clerk", &[]), Ok(None));
        let waits = "rule \"payroll\" needs 2 of managers (has ben; chloe can)";
        assert_eq!(wanted(2, "anna", &["anna"]).unwrap().unwrap().to_string(), waits);
        assert_eq!(wanted(2, "laptop", &["anna"]).unwrap().unwrap().to_string(), waits);
        // Three of three, and one of them asks.
        let never = wanted(3, "anna", &["anna"]).unwrap_err();
        assert!(never.contains("3 of managers") && never.contains("without anna, who asks"), "{never}");
        // Two of three, and two of them share the name.
        let never = wanted(2, "clerks", &["anna", "chloe"]).unwrap_err();
        assert!(never.contains("whoever asks as clerks (anna, chloe)"), "{never}");
    }
}
