//! What decides in either bundle, all alike: rules, and what purposes ask for.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Pair;
use super::seats::{Few, Seating, Seats};
use super::times::{Moment, Times};
use crate::amount::{Amount, Asset};
use crate::intent::Action;
use crate::key::PublicKey;
use crate::name::Name;
use crate::policy::budget::{Budget, Per};
use crate::policy::first_payment::FirstPayment;
use crate::policy::lifetime::Lifetime;
use crate::policy::purpose::Purpose;
use crate::policy::rule::Rule;
use crate::policy::{Kind, Policy};

/// One of the two bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Old,
    New,
}

impl Side {
    pub(super) const ALL: [Side; 2] = [Self::Old, Self::New];
}

/// What a purpose asks for, as if it were a rule about its asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Binding {
    /// The lifetime has to hold, unless it is redeemed.
    Lives,
    /// The redeemer pays nobody.
    Ends,
    /// Whoever may receive it only redeems it.
    Received,
    /// Who is paid is in its categories, or redeems it.
    For,
    /// It is moved to somebody.
    Somebody,
}

/// What a term counts by, and the bundles take for two things although it is one payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Marker {
    /// The recipient's name.
    Renamed,
    /// The recipient's categories.
    Recategorised,
    /// The payer's name.
    PayerRenamed,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    Forbid,
    Allow,
    Limit,
    Marker(Marker),
}

/// Where an item comes from, and so what it is about.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The position in the bundle's rules.
    Rule(usize),
    /// A purpose of this asset.
    Purpose(Name, Binding),
    /// Both bundles.
    Marker,
}

/// One rule, or something that acts like one.
#[derive(Debug)]
pub(super) struct Item {
    pub side: Side,
    pub what: What,
    pub source: Source,
    pub actions: [bool; Action::ALL.len()],
    /// Equal for items that do the same, whatever they are about.
    pub effect: u32,
    /// When it does that: for a forbid when it does not deny.
    pub open: Vec<Moment>,
    /// What its terms are counted by.
    pub counts_by: Vec<Marker>,
    /// What it can let these callers pay.
    pub seats: Seats,
    pub callers: Callers,
}

/// Who asks, as far as a rule has too few approvers for some.
#[derive(Clone, Debug)]
pub(super) enum Callers {
    Only(BTreeSet<Name>),
    AllBut(BTreeSet<Name>),
}

impl Callers {
    fn all() -> Self {
        Self::AllBut(BTreeSet::new())
    }

    pub(super) fn hold(&self, name: &Name) -> bool {
        match self {
            Self::Only(names) => names.contains(name),
            Self::AllBut(names) => !names.contains(name),
        }
    }
}

type Money<'a> = (&'a Asset, Amount);
/// How many of whom, above what, and in first payments.
type Asked<'a> = (u32, &'a [Name], Option<Money<'a>>, bool);

/// What items do, but for their scope.
#[derive(PartialEq, Eq, Hash)]
struct Effect<'a> {
    what: What,
    open: Vec<Moment>,
    per_payment: Option<Money<'a>>,
    fee_cap: Option<Money<'a>>,
    first_payment: Option<&'a FirstPayment>,
    budgets: &'a [Arc<Budget>],
    quorums: Vec<Asked<'a>>,
    seats: Seats,
}

/// All items of both bundles: those of the old one first, each bundle's rules in their order.
pub(super) struct Items {
    pub list: Vec<Item>,
}

impl Items {
    pub(super) fn of<'a>(pair: Pair<'a>, seating: &Seating, times: &mut Times<'a>) -> Self {
        let mut effects: HashMap<Effect<'a>, u32> = HashMap::new();
        let mut list = Vec::new();
        for side in Side::ALL {
            let few = &seating.few[side as usize];
            list.extend(side_items(side, pair[side as usize], few, times, &mut effects));
        }
        for marker in [Marker::Renamed, Marker::Recategorised, Marker::PayerRenamed] {
            if list.iter().any(|item| item.counts_by.contains(&marker)) {
                let effect = Effect::bare(What::Marker(marker), Vec::new());
                list.push(Item {
                    side: Side::Old,
                    what: What::Marker(marker),
                    source: Source::Marker,
                    actions: [true; Action::ALL.len()],
                    effect: number(effect, &mut effects),
                    open: Vec::new(),
                    counts_by: Vec::new(),
                    seats: Seats::Enough,
                    callers: Callers::all(),
                });
            }
        }
        Self { list }
    }

    /// Those of a single bundle: its rules by their position, then the purposes.
    pub(super) fn of_one<'a>(policy: &'a Policy, times: &mut Times<'a>) -> Self {
        Self { list: side_items(Side::Old, policy, &[], times, &mut HashMap::new()) }
    }
}

fn side_items<'a>(
    side: Side,
    policy: &'a Policy,
    few: &[Few],
    times: &mut Times<'a>,
    effects: &mut HashMap<Effect<'a>, u32>,
) -> Vec<Item> {
    let mut list = Vec::new();
    for (at, rule) in policy.rules.iter().enumerate() {
        list.extend(rule_items(side, at, rule, few.get(at), times, effects));
    }
    let mut bound: Vec<(&Name, &Purpose)> = policy.purposes.iter().collect();
    bound.sort_unstable_by_key(|(name, _)| *name);
    for (asset, purpose) in bound {
        list.extend(purpose_items(side, asset, purpose, times, effects));
    }
    list
}

fn number<'a>(effect: Effect<'a>, effects: &mut HashMap<Effect<'a>, u32>) -> u32 {
    let next = effects.len() as u32;
    *effects.entry(effect).or_insert(next)
}

impl Effect<'_> {
    fn bare(what: What, open: Vec<Moment>) -> Self {
        Self {
            what,
            open,
            per_payment: None,
            fee_cap: None,
            first_payment: None,
            budgets: &[],
            quorums: Vec::new(),
            seats: Seats::Enough,
        }
    }
}

/// One rule: apart for those for whom it has too few approvers.
fn rule_items<'a>(
    side: Side,
    at: usize,
    rule: &'a Rule,
    few: Option<&Few>,
    times: &mut Times<'a>,
    effects: &mut HashMap<Effect<'a>, u32>,
) -> Vec<Item> {
    let few = || few.into_iter().flatten();
    let apart: BTreeSet<Name> = few().flat_map(|(_, names)| names).cloned().collect();
    let parts = few().map(|(seats, names)| (*seats, Callers::Only(names.clone())));
    std::iter::once((Seats::Enough, Callers::AllBut(apart)))
        .chain(parts)
        .map(|seated| rule_item(side, at, rule, seated, times, effects))
        .collect()
}

fn rule_item<'a>(
    side: Side,
    at: usize,
    rule: &'a Rule,
    (seats, callers): (Seats, Callers),
    times: &mut Times<'a>,
    effects: &mut HashMap<Effect<'a>, u32>,
) -> Item {
    let what = match rule.kind {
        Kind::Forbid => What::Forbid,
        Kind::Allow => What::Allow,
        Kind::Limit => What::Limit,
    };
    let conditions = times.conditions(rule.hours.as_ref(), rule.lifetime.as_ref());
    let open = match what {
        What::Forbid => vec![Moment::Outside(conditions)],
        _ => conditions.into_iter().map(Moment::Inside).collect(),
    };
    let effect = Effect {
        per_payment: rule.per_payment.as_ref().map(|cap| (&cap.asset, cap.cap)),
        fee_cap: rule.fee_cap.as_ref().map(|cap| (&cap.asset, cap.cap)),
        first_payment: rule.first_payment.as_ref(),
        budgets: &rule.budgets,
        quorums: rule
            .quorums
            .iter()
            .map(|quorum| {
                let above = quorum.above.as_ref().map(|above| (&above.asset, above.cap));
                (quorum.need.need, quorum.need.from.as_slice(), above, quorum.first)
            })
            .collect(),
        seats,
        ..Effect::bare(what, open.clone())
    };
    let actions = rule.scope.actions.as_ref();
    Item {
        side,
        what,
        source: Source::Rule(at),
        actions: Action::ALL.map(|action| actions.is_none_or(|actions| actions.contains(&action))),
        effect: number(effect, effects),
        open,
        counts_by: rule.budgets.iter().filter_map(|budget| counts_by(budget)).collect(),
        seats,
        callers,
    }
}

/// What makes two budgets of one, if the bundles do not agree on it.
pub(super) fn counts_by(budget: &Budget) -> Option<Marker> {
    match budget.per {
        // The sum that a quorum looks at is one recipient's.
        _ if !budget.denies() => Some(Marker::Renamed),
        Some(Per::Recipient) => Some(Marker::Renamed),
        Some(Per::Category) => Some(Marker::Recategorised),
        Some(Per::Payer) => Some(Marker::PayerRenamed),
        Some(Per::Account | Per::Requester) | None => None,
    }
}

fn purpose_items<'a>(
    side: Side,
    asset: &Name,
    purpose: &'a Purpose,
    times: &mut Times<'a>,
    effects: &mut HashMap<Effect<'a>, u32>,
) -> Vec<Item> {
    let mut items = Vec::new();
    let mut push = |binding, what, lifetime: Option<&'a Lifetime>| {
        let open: Vec<Moment> = match what {
            What::Forbid => vec![Moment::Outside(Vec::new())],
            _ => times.conditions(None, lifetime).into_iter().map(Moment::Inside).collect(),
        };
        items.push(Item {
            side,
            what,
            source: Source::Purpose(asset.clone(), binding),
            actions: Action::ALL.map(|action| binding == Binding::Lives || action != Action::Issue),
            effect: number(Effect::bare(what, open.clone()), effects),
            open,
            counts_by: Vec::new(),
            seats: Seats::Enough,
            callers: Callers::all(),
        });
    };
    push(Binding::Somebody, What::Forbid, None);
    if let Some(lifetime) = &purpose.lifetime {
        push(Binding::Lives, What::Limit, Some(lifetime));
    }
    if purpose.redeemer.is_some() {
        push(Binding::Ends, What::Forbid, None);
        push(Binding::Received, What::Forbid, None);
    }
    if purpose.only.is_some() {
        push(Binding::For, What::Forbid, None);
    }
    items
}

impl Binding {
    /// Is it about payments to this recipient, or about what has none?
    pub(super) fn is_about(self, policy: &Policy, asset: &Name, to: Option<&PublicKey>) -> bool {
        let Some(purpose) = policy.purposes.get(asset) else { return false };
        let Some(to) = to else { return self == Self::Somebody };
        let Some(recipient) = policy.recipient_at(to) else { return false };
        let redeems = purpose.redeemer.as_ref().is_some_and(|(_, address)| address == to);
        match self {
            Self::Lives | Self::Received => !redeems,
            Self::Ends => true,
            Self::For => !redeems && !purpose.accepts(recipient),
            Self::Somebody => false,
        }
    }

    /// Is it about payments by whoever has this key?
    pub(super) fn is_from(self, policy: &Policy, asset: &Name, from: &PublicKey) -> bool {
        let Some(purpose) = policy.purposes.get(asset) else { return false };
        match self {
            Self::Lives | Self::For | Self::Somebody => true,
            Self::Ends => purpose.redeemer.as_ref().is_some_and(|(_, address)| address == from),
            Self::Received => {
                purpose.only.is_some()
                    && policy.recipient_at(from).is_some_and(|payer| purpose.accepts(payer))
            }
        }
    }
}
