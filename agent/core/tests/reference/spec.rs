//! Bundles at random.

use bursar_core::intent::Action;
use bursar_core::policy::Kind;
use bursar_core::role::Role;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::world::{ASSETS, HOUR, LEDGERS, SELECTORS};

/// A bundle as the generator made it.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub rules: Vec<Spec>,
    /// What each of the two assets is bound to.
    pub purposes: [Option<Bound>; 2],
}

/// What an asset is bound to.
#[derive(Clone, Debug)]
pub struct Bound {
    pub only: Option<Vec<&'static str>>,
    /// A position in the shops; only beside `only`.
    pub redeemer: Option<usize>,
    pub valid: Option<Days>,
}

/// Days from the start, first and last.
pub type Days = (i64, i64);
pub type Names = Option<Vec<&'static str>>;
pub type Per = Option<&'static str>;

/// A rule as the generator made it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// It is called `r` and this number.
    pub name: usize,
    pub kind: Kind,
    pub actions: Option<Vec<Action>>,
    pub selectors: Names,
    pub ledgers: Names,
    pub accounts: Names,
    pub payers: Names,
    pub assets: Names,
    pub recipients: Names,
    pub categories: Names,
    pub callers: Names,
    pub roles: Option<Vec<Role>>,
    pub cap: Option<u64>,
    pub fee_cap: Option<(&'static str, u64)>,
    pub first: Option<u64>,
    pub budget: Option<(u64, Per, Over)>,
    pub count: Option<(u64, Per, Over)>,
    /// In ms.
    pub spacing: Option<(i64, Per)>,
    pub quorums: Vec<Quorum>,
    /// From and to in hours of the day, UTC.
    pub hours: Option<(i64, i64)>,
    pub valid: Option<Days>,
}

#[derive(Clone, Debug)]
pub struct Quorum {
    pub need: usize,
    pub from: Vec<&'static str>,
    pub above: Option<u64>,
    pub first: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Over {
    /// In ms.
    Rolling(i64),
    /// A day in UTC.
    Day,
}

impl Spec {
    /// The asset of its amounts.
    pub fn asset(&self) -> &'static str {
        self.assets.as_ref().and_then(|assets| assets.first()).copied().unwrap_or(ASSETS[0])
    }

    /// Makes it about everything that its amounts can be about.
    fn open(&mut self) {
        let assets = if self.counts_an_asset() { self.assets.take() } else { None };
        let (actions, selectors) = (Some(Action::ALL.to_vec()), Some(SELECTORS.to_vec()));
        let calls = self.actions.as_ref().is_some_and(|actions| actions.contains(&Action::Call));
        let scope = Spec {
            name: self.name,
            selectors: selectors.filter(|_| calls),
            actions: actions
                .map(|all| all.into_iter().filter(|one| calls == (*one == Action::Call)).collect()),
            ..Spec::about_everything(self.kind)
        };
        let Spec { cap, fee_cap, first, budget, count, spacing, hours, valid, .. } = *self;
        let quorums = std::mem::take(&mut self.quorums);
        *self = Spec { assets, cap, fee_cap, first, budget, count, spacing, quorums, hours, valid, ..scope };
    }

    fn about_everything(kind: Kind) -> Self {
        Self {
            name: 0,
            kind,
            actions: None,
            selectors: None,
            ledgers: None,
            accounts: None,
            payers: None,
            assets: None,
            recipients: None,
            categories: None,
            callers: None,
            roles: None,
            cap: None,
            fee_cap: None,
            first: None,
            budget: None,
            count: None,
            spacing: None,
            quorums: Vec::new(),
            hours: None,
            valid: None,
        }
    }

    /// Has it an amount of an asset, which then is the only one that it is about?
    pub fn counts_an_asset(&self) -> bool {
        let above = self.quorums.iter().any(|quorum| quorum.above.is_some());
        above || self.cap.is_some() || self.budget.is_some() || self.first.is_some()
    }
}

fn some_of(weight: f64, from: &'static [&'static str]) -> impl Strategy<Value = Names> {
    let some = prop_oneof![1 => Just(0), 20 => 1..=from.len()];
    weighted(weight, some.prop_flat_map(move |some| subsequence(from, some)))
}

fn over() -> impl Strategy<Value = Over> {
    prop_oneof![3 => (1..=48_i64).prop_map(|hours| Over::Rolling(hours * HOUR)), 1 => Just(Over::Day)]
}

fn per() -> impl Strategy<Value = Per> {
    of(select(&["account", "recipient", "category", "requester", "payer"][..]))
}

fn quorum() -> impl Strategy<Value = Quorum> {
    let from = prop_oneof![
        subsequence(&["managers", "finance", "board"][..], 1),
        subsequence(&["anna", "ben", "chloe", "emil", "finance", "board"][..], 1..=3),
    ];
    (prop_oneof![4 => Just(1_usize), 1 => Just(2)], from, of(0..60_u64), weighted(0.3, Just(())))
        .prop_map(|(need, from, above, first)| Quorum { need, from, above, first: first.is_some() })
}

fn scope(roles: f64) -> impl Strategy<Value = Spec> {
    let actions = prop_oneof![
        6 => Just(None),
        1 => Just(Some(vec![Action::Pay])),
        3 => subsequence(&Action::ALL[..], 1..=4).prop_map(Some),
    ];
    let first = (actions, of(subsequence(&SELECTORS[..], 1..=2)));
    let lists = (
        weighted(0.1, subsequence(LEDGERS.map(|(name, _)| name).to_vec(), 1..=2)),
        some_of(0.2, &["a0", "a2", "ga"]),
        some_of(0.1, &["a0", "a1", "p1", "gy"]),
        weighted(0.2, subsequence(&ASSETS[..2], 1..=2)),
        some_of(0.15, &["s1", "s2", "s4", "gs"]),
        some_of(0.15, &["c0", "c1", "gc"]),
        some_of(0.2, &["anna", "ben", "gp"]),
        weighted(roles, subsequence(&Role::ALL[..], 0..=4)),
    );
    let kind = prop_oneof![1 => Just(Kind::Forbid), 12 => Just(Kind::Allow), 5 => Just(Kind::Limit)];
    (kind, first, lists).prop_map(|(kind, (actions, selectors), lists)| {
        let (ledgers, accounts, payers, assets, recipients, categories, callers, roles) = lists;
        let calls = match &actions {
            Some(actions) => actions.contains(&Action::Call),
            None => kind != Kind::Allow,
        };
        // An allow for calls names the functions; other rules may.
        let named = calls && (kind == Kind::Allow || actions.as_ref().is_some_and(|all| all.len() == 1));
        Spec {
            actions,
            selectors: if named { selectors.or(Some(SELECTORS.to_vec())) } else { None },
            ledgers,
            accounts,
            payers,
            assets,
            recipients,
            categories,
            callers,
            roles,
            ..Spec::about_everything(kind)
        }
    })
}

/// A rule; `roles` is how often it names some.
fn spec(roles: f64) -> impl Strategy<Value = Spec> {
    let money = (
        weighted(0.2, 20..60_u64),
        weighted(0.4, (Just(ASSETS[0]), 2..10_u64)),
        weighted(0.15, 10..60_u64),
        weighted(0.35, (20..250_u64, per(), over())),
        weighted(0.2, (1..7_u64, per(), over())),
        weighted(0.12, ((1..=20_i64).prop_map(|hours| hours * HOUR), per())),
        weighted(0.3, proptest::collection::vec(quorum(), 1..=2)),
    );
    let times = (weighted(0.08, (0..23_i64, 0..24_i64)), weighted(0.05, days()));
    (scope(roles), money, times).prop_map(|(spec, money, (hours, valid))| {
        let mut spec = Spec { hours: hours.filter(|(from, to)| from != to), valid, ..spec };
        if spec.kind != Kind::Forbid {
            let (cap, fee_cap, first, budget, count, spacing, quorums) = money;
            let quorums = quorums.unwrap_or_default();
            spec = Spec { cap, fee_cap, first, budget, count, spacing, quorums, ..spec };
        }
        if spec.counts_an_asset() {
            spec.assets = Some(vec![spec.asset()]);
        }
        spec
    })
}

fn days() -> impl Strategy<Value = Days> {
    (0..3_i64, 1..9_i64)
}

fn bound() -> impl Strategy<Value = Bound> {
    let only = of(subsequence(&["c0", "c1", "c2"][..], 0..=3));
    (only, of(0..5_usize), weighted(0.3, days()))
        .prop_map(|(only, redeemer, valid)| Bound {
            redeemer: redeemer.filter(|_| only.is_some()),
            only,
            valid,
        })
        .prop_filter("bound to nothing", |bound| bound.only.is_some() || bound.valid.is_some())
}

/// A bundle of at most eight rules with different names; `roles` is how often a rule names some.
pub fn bundle(roles: f64) -> impl Strategy<Value = Bundle> {
    let purposes = (weighted(0.05, bound()), weighted(0.4, bound())).prop_map(|(eur, grant)| [eur, grant]);
    let names = Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle();
    let rules = (proptest::collection::vec(spec(roles), 1..=8), proptest::bool::weighted(0.75));
    (rules, names, purposes).prop_map(|((mut rules, open), names, purposes)| {
        rules.iter_mut().zip(names).for_each(|(rule, name)| rule.name = name);
        if let Some(last) = rules.last_mut().filter(|last| open && last.kind == Kind::Allow) {
            last.open();
        }
        Bundle { rules, purposes }
    })
}
