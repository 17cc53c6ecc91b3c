//! What an allowed payment rests on, to be compared and to be read.

use std::collections::{BTreeSet, HashSet};

use super::item::{Marker, Side};
use super::seats::Seats;
use crate::amount::{Amount, Asset};
use crate::name::Name;
use crate::policy::Per;
use crate::policy::budget::{Budget, Cap};
use crate::policy::denial::every;
use crate::policy::fee_cap::FeeCap;
use crate::policy::quorum::Quorum;
use crate::policy::rule::Rule;
use crate::policy::window::Window;

/// The terms of one amount.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Terms<'a> {
    counted: HashSet<Counted<'a>>,
    /// Is it too much for a first payment?
    never_first: bool,
    asked: HashSet<Vec<Asked<'a>>>,
}

/// One budget, and by whose name it is counted where the bundles have two.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Counted<'a> {
    budget: &'a Name,
    per: Option<Per>,
    window: &'a Window,
    /// Of a sum that a quorum looks at, only what it sums up: how much is the quorum's to say.
    cap: Option<&'a Cap>,
    asset: Option<&'a Asset>,
    apart: Option<Side>,
}

/// One quorum.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Asked<'a> {
    need: u32,
    from: &'a [Name],
    case: Case,
}

/// When a quorum is needed for a payment of a certain amount.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Case {
    Always,
    First,
    /// Once the sum is above this; or in a first payment, too.
    Sum(Amount, bool),
}

/// The rules of one bundle that a payment has to keep to.
pub(super) struct Bound<'a> {
    pub side: Side,
    /// The allow first, then the limits.
    pub rules: Vec<&'a Rule>,
    /// What the bundles do not call the same, here.
    pub markers: Vec<Marker>,
    /// How much there are approvers for.
    pub seats: Seats,
}

impl<'a> Bound<'a> {
    /// Does it never allow anything, whatever the amount?
    pub(super) fn is_never(&self) -> bool {
        let mut budgets = self.rules.iter().flat_map(|rule| &rule.budgets);
        self.seats == Seats::Never || budgets.any(|budget| budget.cap == Cap::Count(0))
    }

    /// The most that is ever allowed in one payment.
    pub(super) fn cap(&self) -> Amount {
        let seats = match self.seats {
            Seats::UpTo(most) => Some(most),
            Seats::Never | Seats::Enough => None,
        };
        let caps = self.rules.iter().flat_map(|rule| {
            let budgets = rule.budgets.iter().filter_map(|budget| match budget.cap {
                Cap::Amount(_, cap) => Some(cap),
                Cap::Count(_) | Cap::Spacing | Cap::Above(..) => None,
            });
            rule.per_payment.iter().map(|cap| cap.cap).chain(budgets)
        });
        caps.chain(seats).min().unwrap_or(Amount::MAX)
    }

    /// The asset that its amounts are in.
    pub(super) fn asset(&self) -> Option<&'a Asset> {
        self.rules.iter().find_map(|rule| {
            let budgets = rule.budgets.iter().filter_map(|budget| match &budget.cap {
                Cap::Amount(asset, _) | Cap::Above(asset, _) => Some(asset),
                Cap::Count(_) | Cap::Spacing => None,
            });
            let first = rule.first_payment.as_ref().map(|first| &first.0);
            let above = rule.quorums.iter().filter_map(|quorum| quorum.above.as_ref());
            rule.per_payment.iter().chain(first).chain(above).map(|cap| &cap.asset).chain(budgets).next()
        })
    }

    /// The asset and the most of a fee, which may be a fee of nothing; none where no fee is allowed.
    pub(super) fn fee(&self) -> Option<(&'a Asset, Amount)> {
        let caps: Vec<&FeeCap> = self.rules.iter().filter_map(|rule| rule.fee_cap.as_ref()).collect();
        let asset = &self.rules.first()?.fee_cap.as_ref()?.asset;
        let most = caps.iter().map(|cap| cap.cap).min()?;
        let one = caps.iter().all(|cap| cap.asset.name() == asset.name());
        one.then_some((asset, most))
    }

    /// The amounts above which the terms are other ones.
    pub(super) fn steps(&self) -> BTreeSet<Amount> {
        let firsts = self.rules.iter().filter_map(|rule| rule.first_payment.as_ref());
        let first = firsts.map(|first| first.0.cap).min();
        let quorums = self.rules.iter().flat_map(|rule| &rule.quorums);
        quorums.filter_map(|quorum| quorum.above.as_ref()).map(|above| above.cap).chain(first).collect()
    }

    /// The terms of this amount.
    pub(super) fn terms(&self, amount: Amount) -> Terms<'a> {
        let mut terms = Terms::default();
        for rule in &self.rules {
            terms.counted.extend(rule.budgets.iter().map(|budget| self.counted(budget)));
            terms.never_first |= rule.first_payment.as_ref().is_some_and(|first| !first.0.holds(amount));
            let sums = rule.watch().is_some();
            let mut asked: Vec<Asked<'a>> =
                rule.quorums.iter().filter_map(|quorum| self::asked(quorum, sums, amount)).collect();
            asked.sort_unstable();
            if !asked.is_empty() {
                terms.asked.insert(asked);
            }
        }
        terms
    }

    fn counted(&self, budget: &'a Budget) -> Counted<'a> {
        let (cap, asset) = match &budget.cap {
            Cap::Above(asset, _) => (None, Some(asset)),
            cap => (Some(cap), None),
        };
        Counted {
            budget: &budget.name,
            per: budget.per,
            window: &budget.window,
            cap,
            asset,
            apart: self.apart(budget).map(|_| self.side),
        }
    }

    /// Why this budget is another one although it is called the same.
    fn apart(&self, budget: &Budget) -> Option<Marker> {
        let marker = super::item::counts_by(budget)?;
        self.markers.contains(&marker).then_some(marker)
    }

    /// All terms in words, of any amount, in order.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for rule in &self.rules {
            let mut say = |what: String| words.push(format!("{what} (rule \"{}\")", rule.name));
            for budget in &rule.budgets {
                let apart = match self.apart(budget) {
                    None => "",
                    Some(Marker::Recategorised) => ", by the categories that this bundle gives the recipient",
                    Some(Marker::PayerRenamed) => ", by the name that this bundle gives the payer",
                    Some(Marker::Renamed) => ", by the name that this bundle gives the recipient",
                };
                if budget.denies() {
                    say(format!("{budget}{apart}"));
                } else {
                    say(format!("adds up what a caller sends to a recipient {}{apart}", budget.window));
                }
            }
            rule.first_payment.iter().for_each(|first| say(first.to_string()));
            let sums = if rule.watch().is_some() { ", added up" } else { "" };
            for quorum in &rule.quorums {
                say(format!("approved by {quorum}{sums}: {}", every(&quorum.need.from)));
            }
        }
        words.sort_unstable();
        words.dedup();
        words
    }
}

fn asked<'a>(quorum: &'a Quorum, sums: bool, amount: Amount) -> Option<Asked<'a>> {
    let case = match &quorum.above {
        None if quorum.first => Case::First,
        None => Case::Always,
        Some(above) if amount > above.cap => Case::Always,
        Some(above) if sums => Case::Sum(above.cap, quorum.first),
        Some(_) if quorum.first => Case::First,
        Some(_) => return None,
    };
    Some(Asked { need: quorum.need.need, from: &quorum.need.from, case })
}
