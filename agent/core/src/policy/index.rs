//! Finds the rules whose scope matches by intersecting one row of bits per dimension.
//!
//! Names that the same rules mention share a class, and each class has one row with a bit per
//! rule; so a lookup costs one hash per dimension, whatever the number of rules and recipients.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::ops::Range;

use super::error::Fault;
use super::rule::Rule;
use super::scope::{Dimension, Scope};
use super::{Kind, Recipient};
use crate::amount::{Amount, Asset};
use crate::intent::{Action, LedgerId, Selector};
use crate::name::Name;
use crate::role::Roles;

/// Most bytes of rows; ten thousand rules and fifty thousand classes of recipients.
pub(super) const MAX_BYTES: usize = 64 << 20;

type Groups = BTreeMap<Name, Vec<Name>>;

/// Rows of bits, one per class; bit i stands for rule i.
#[derive(Debug)]
pub(super) struct Rows {
    words: usize,
    bits: Vec<u64>,
}

/// Classes of names in one list of the scope. Class 0 is every name that no rule mentions.
#[derive(Debug)]
pub(super) struct Classes<K> {
    of: HashMap<K, u32>,
    pub rows: Rows,
}

#[derive(Debug)]
pub(super) struct Index {
    /// Rules are kept as forbids, allows, limits; these are the ends of the first two.
    pub forbids: usize,
    pub allows: usize,
    pub rules: usize,
    actions: Rows,
    pub selectors: Classes<Selector>,
    pub ledgers: Classes<LedgerId>,
    pub accounts: Classes<Name>,
    pub payers: Classes<Name>,
    pub assets: Classes<Name>,
    pub callers: Classes<Name>,
    roles: Rows,
    recipients: Rows,
    /// The class of a transaction that pays nobody.
    pub nobody: u32,
    /// Bits of the rules whose only condition is an amount per payment, and for each word of them
    /// the least of these amounts: payments up to it need not look at any of these rules.
    only_capped: Vec<u64>,
    least_caps: Vec<Amount>,
}

/// The rows of one payment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup<'a>([&'a [u64]; Dimension::COUNT]);

/// What is looked up for one transaction: the classes of asset and recipient are known with them.
pub(super) struct Key<'a> {
    pub action: Action,
    pub selector: Option<Selector>,
    pub ledger: LedgerId,
    pub account: &'a Name,
    pub payer: &'a Name,
    pub asset: u32,
    pub caller: &'a Name,
    pub roles: Roles,
    pub recipient: u32,
}

impl Rows {
    fn new(rules: usize) -> Self {
        Self { words: rules.div_ceil(64), bits: Vec::new() }
    }

    pub(super) fn row(&self, class: u32) -> &[u64] {
        let start = class as usize * self.words;
        &self.bits[start..start + self.words]
    }

    pub(super) fn classes(&self) -> u32 {
        self.bits.len().checked_div(self.words).unwrap_or(0) as u32
    }

    fn push(&mut self, row: &[u64]) -> Result<u32, Fault> {
        let class = self.classes();
        self.bits.extend_from_slice(row);
        if self.bits.len() * 8 > MAX_BYTES {
            return Err(Fault::new(
                &(0..0),
                "the rules and the names in them make too many combinations; name categories or groups instead of single recipients, accounts or callers",
            ));
        }
        Ok(class)
    }
}

fn set(row: &mut [u64], rule: usize) {
    row[rule / 64] |= 1 << (rule % 64);
}

/// Gives equal lists equal numbers.
#[derive(Default)]
struct Interner(HashMap<Vec<u32>, u32>);

impl Interner {
    fn id(&mut self, list: Vec<u32>) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(list).or_insert(next)
    }
}

impl<K: Clone + Eq + Hash> Classes<K> {
    /// `any` are the rules without this list. Groups are opened once each, not once per rule.
    fn build<'r>(
        rules: &'r [Rule],
        open: impl Fn(&K) -> Option<&'r Vec<K>>,
        names: impl Fn(&'r Scope) -> Option<&'r Vec<K>>,
        any: &[u64],
    ) -> Result<Self, Fault>
    where
        K: 'r,
    {
        let mut mentions: HashMap<&K, Vec<u32>> = HashMap::new();
        for (rule, scope) in rules.iter().map(|rule| &rule.scope).enumerate() {
            for name in names(scope).into_iter().flatten() {
                let rules = mentions.entry(name).or_default();
                if rules.last() != Some(&(rule as u32)) {
                    rules.push(rule as u32);
                }
            }
        }
        let (mut postings, mut posting_ids) = (Vec::new(), Interner::default());
        let mut held: HashMap<&K, Vec<u32>> = HashMap::new();
        for (name, rules) in mentions {
            let id = posting_ids.id(rules.clone());
            if id as usize == postings.len() {
                postings.push(rules);
            }
            match open(name) {
                Some(members) => members.iter().for_each(|member| held.entry(member).or_default().push(id)),
                None => held.entry(name).or_default().push(id),
            }
        }
        let mut rows = Rows { words: any.len(), bits: Vec::new() };
        rows.push(any)?;
        let (mut class_ids, mut of) = (Interner::default(), HashMap::with_capacity(held.len()));
        class_ids.id(Vec::new());
        for (name, mut ids) in held {
            ids.sort_unstable();
            ids.dedup();
            let known = class_ids.0.len();
            let class = class_ids.id(ids.clone());
            if class as usize == known {
                let mut row = any.to_vec();
                ids.iter()
                    .filter_map(|id| postings.get(*id as usize))
                    .flatten()
                    .for_each(|rule| set(&mut row, *rule as usize));
                rows.push(&row)?;
            }
            of.insert(name.clone(), class);
        }
        Ok(Self { of, rows })
    }

    /// What some rule mentions, groups opened; all else is in class 0.
    pub(super) fn named(&self) -> impl Iterator<Item = &K> {
        self.of.keys()
    }

    pub(super) fn class(&self, name: &K) -> u32 {
        self.of.get(name).copied().unwrap_or(0)
    }

    fn row(&self, name: &K) -> &[u64] {
        self.rows.row(self.class(name))
    }
}

/// A row of the rules for which this holds.
fn rules_where(rules: &[Rule], holds: impl Fn(&Rule) -> bool) -> Vec<u64> {
    let mut row = vec![0; rules.len().div_ceil(64)];
    rules.iter().enumerate().filter(|(_, rule)| holds(rule)).for_each(|(i, _)| set(&mut row, i));
    row
}

impl Index {
    /// Indexes rules sorted as forbids, allows, limits, and gives every recipient its class.
    pub(super) fn build(
        rules: &[Rule],
        groups: &Groups,
        ledgers: &BTreeMap<Name, LedgerId>,
        recipients: &mut [Recipient],
    ) -> Result<Self, Fault> {
        let count = |kind| rules.iter().filter(|rule| rule.kind == kind).count();
        let (forbids, allows) = (count(Kind::Forbid), count(Kind::Allow));
        let least_cap = |rules: &[Rule]| {
            let capped = rules.iter().filter(|rule| rule.is_only_capped());
            capped.flat_map(|rule| &rule.per_payment).map(|cap| cap.cap).min().unwrap_or(Amount::MAX)
        };
        let (recipients, nobody) = recipient_rows(
            rules,
            &opened(rules, groups, |scope| scope.recipients.as_ref())?,
            // Rules without categories must not show here: all and any are about listed ones.
            &Classes::build(
                rules,
                |name| groups.get(name),
                |scope| scope.categories.as_ref(),
                &vec![0; rules.len().div_ceil(64)],
            )?,
            recipients,
        )?;
        Ok(Self {
            forbids,
            allows: forbids + allows,
            rules: rules.len(),
            actions: rows_of(rules, Action::ALL, |rule, action| {
                rule.scope.actions.as_ref().is_none_or(|actions| actions.contains(action))
            })?,
            selectors: plain(rules, |scope| scope.selectors.as_ref())?,
            ledgers: ledger_classes(rules, ledgers)?,
            accounts: opened(rules, groups, |scope| scope.accounts.as_ref())?,
            payers: opened(rules, groups, |scope| scope.payers.as_ref())?,
            assets: plain(rules, |scope| scope.assets.as_ref())?,
            callers: opened(rules, groups, |scope| scope.callers.as_ref())?,
            roles: rows_of(rules, (0..Roles::SETS).map(Roles::from_bits), |rule, roles| {
                rule.scope.roles.is_none_or(|of| of.meets(*roles))
            })?,
            recipients,
            nobody,
            only_capped: rules_where(rules, Rule::is_only_capped),
            least_caps: rules.chunks(64).map(least_cap).collect(),
        })
    }

    /// The class of an asset, kept beside it.
    pub(super) fn asset_class(&self, asset: &Asset) -> u32 {
        self.assets.class(asset.name())
    }

    pub(super) fn lookup(&self, key: &Key<'_>) -> Lookup<'_> {
        Lookup([
            self.actions.row(key.action as u32),
            key.selector
                .as_ref()
                .map_or_else(|| self.selectors.rows.row(0), |named| self.selectors.row(named)),
            self.ledgers.row(&key.ledger),
            self.accounts.row(key.account),
            self.payers.row(key.payer),
            self.assets.rows.row(key.asset),
            self.callers.row(key.caller),
            self.roles.row(key.roles.bits().into()),
            self.recipients.row(key.recipient),
        ])
    }

    /// The limits that match and could deny a payment of this amount, or draw for it.
    pub(super) fn limits<'a>(
        &'a self,
        lookup: Lookup<'a>,
        amount: Amount,
    ) -> impl Iterator<Item = usize> + 'a {
        bits(self.allows..self.rules, move |at| {
            let passed = if amount <= self.least_caps[at] { self.only_capped[at] } else { 0 };
            lookup.word(at) & !passed
        })
    }

    /// All rows of one dimension, for questions about rules instead of payments.
    pub(super) fn rows(&self, dimension: Dimension) -> &Rows {
        match dimension {
            Dimension::Action => &self.actions,
            Dimension::Selector => &self.selectors.rows,
            Dimension::Ledger => &self.ledgers.rows,
            Dimension::Account => &self.accounts.rows,
            Dimension::Payer => &self.payers.rows,
            Dimension::Asset => &self.assets.rows,
            Dimension::Caller => &self.callers.rows,
            Dimension::Role => &self.roles,
            Dimension::Recipient => &self.recipients,
        }
    }
}

/// Classes of names among which groups stand for their members.
fn opened<'r>(
    rules: &'r [Rule],
    groups: &'r Groups,
    names: fn(&Scope) -> Option<&Vec<Name>>,
) -> Result<Classes<Name>, Fault> {
    let any = rules_where(rules, |rule| names(&rule.scope).is_none());
    Classes::build(rules, |name| groups.get(name), names, &any)
}

/// Classes of values that stand for themselves.
fn plain<K: Clone + Eq + Hash>(
    rules: &[Rule],
    values: fn(&Scope) -> Option<&Vec<K>>,
) -> Result<Classes<K>, Fault> {
    let any = rules_where(rules, |rule| values(&rule.scope).is_none());
    Classes::build(rules, |_| None, values, &any)
}

/// One row for each of these, in order.
fn rows_of<K>(
    rules: &[Rule],
    values: impl IntoIterator<Item = K>,
    holds: impl Fn(&Rule, &K) -> bool,
) -> Result<Rows, Fault> {
    let mut rows = Rows::new(rules.len());
    for value in values {
        rows.push(&rules_where(rules, |rule| holds(rule, &value)))?;
    }
    Ok(rows)
}

/// Rules name ledgers; transactions carry ids.
fn ledger_classes(rules: &[Rule], ledgers: &BTreeMap<Name, LedgerId>) -> Result<Classes<LedgerId>, Fault> {
    let by_name = plain(rules, |scope| scope.ledgers.as_ref())?;
    let of = ledgers.iter().map(|(name, id)| (*id, by_name.class(name))).collect();
    Ok(Classes { of, rows: by_name.rows })
}

/// One row for each combination of a recipient's name and categories.
fn recipient_rows(
    rules: &[Rule],
    names: &Classes<Name>,
    categories: &Classes<Name>,
    recipients: &mut [Recipient],
) -> Result<(Rows, u32), Fault> {
    let uncategorised = rules_where(rules, |rule| rule.scope.categories.is_none());
    let allow = rules_where(rules, |rule| rule.kind == Kind::Allow);
    let (mut rows, mut ids) = (Rows::new(rules.len()), Interner::default());
    for recipient in recipients {
        let mut key: Vec<u32> = recipient.categories.iter().map(|name| categories.class(name)).collect();
        key.sort_unstable();
        key.dedup();
        let carried = key.clone();
        key.push(names.class(&recipient.name));
        let known = ids.0.len();
        recipient.class = ids.id(key);
        if recipient.class as usize != known {
            continue;
        }
        let name = names.rows.row(names.class(&recipient.name));
        let row: Vec<u64> = (0..rows.words)
            .map(|word| {
                let listed = carried.iter().map(|class| categories.rows.row(*class)[word]);
                let any = listed.clone().fold(0, |a, b| a | b);
                let all = if carried.is_empty() { 0 } else { listed.fold(!0, |a, b| a & b) };
                name[word] & (uncategorised[word] | (all & allow[word]) | (any & !allow[word]))
            })
            .collect();
        rows.push(&row)?;
    }
    let nobody: Vec<u64> =
        names.rows.row(0).iter().zip(&uncategorised).map(|(name, category)| name & category).collect();
    let nobody = rows.push(&nobody)?;
    Ok((rows, nobody))
}

impl<'a> Lookup<'a> {
    fn word(&self, at: usize) -> u64 {
        self.0.iter().fold(!0, |word, row| word & row[at])
    }

    /// The rules in this range whose whole scope matches, in order.
    pub(super) fn matching(self, range: Range<usize>) -> impl Iterator<Item = usize> + 'a {
        bits(range, move |at| self.word(at))
    }

    /// The rules in this range whose scope matches but for this dimension.
    pub(super) fn nearly(self, range: Range<usize>, but: Dimension) -> impl Iterator<Item = usize> + 'a {
        let others = Dimension::ALL.into_iter().zip(self.0).filter(move |(dimension, _)| *dimension != but);
        bits(range, move |at| others.clone().fold(!self.0[but as usize][at], |word, (_, row)| word & row[at]))
    }

    /// The rules in this range whose list of this dimension matches.
    pub(super) fn single(self, range: Range<usize>, only: Dimension) -> impl Iterator<Item = usize> + 'a {
        bits(range, move |at| self.0[only as usize][at])
    }
}

/// The positions of set bits in this range.
fn bits<'a>(range: Range<usize>, word: impl Fn(usize) -> u64 + 'a) -> impl Iterator<Item = usize> + 'a {
    let mut at = range.start / 64;
    let mut left = if range.is_empty() { 0 } else { word(at) & (!0 << (range.start % 64)) };
    std::iter::from_fn(move || {
        while left == 0 {
            at += 1;
            if at * 64 >= range.end {
                return None;
            }
            left = word(at);
        }
        let bit = at * 64 + left.trailing_zeros() as usize;
        left &= left - 1;
        if bit < range.end {
            Some(bit)
        } else {
            left = 0;
            at = range.end;
            None
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::intent::{Action, Intent, LedgerId, Value};
    use crate::key::PublicKey;
    use crate::policy::{Counters, DenialCode, Policy, Question, explain};
    use crate::role::Roles;
    use crate::time::Timestamp;

    const POLICY: &str = r#"
        version = 1
        [assets.GRANT]
        decimals = 2
        [recipients.Shop]
        address = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        [[allow]]
        name = "all"
        [[limit]]
        name = "small"
        per_payment = "50.00 GRANT"
    "#;

    /// The parser refuses such a group; neither judging nor explaining rests on that.
    #[test]
    fn a_group_named_like_an_asset_does_not_take_its_place() {
        let mut policy = Policy::parse(POLICY).unwrap();
        policy.groups.insert("GRANT".parse().unwrap(), vec!["Pharmacy".parse().unwrap()]);
        let Policy { rules, groups, ledgers, recipients, .. } = &mut policy;
        policy.index = super::Index::build(rules, groups, ledgers, recipients).unwrap();
        policy.asset_classes = policy.assets.iter().map(|asset| policy.index.asset_class(asset)).collect();

        let now: Timestamp = "2026-11-22T09:30:00Z".parse().unwrap();
        let shop = policy.recipient("Shop").unwrap().address;
        let intent = Intent {
            action: Action::Pay,
            ledger: LedgerId([7; 32]),
            from: PublicKey::P256([2; 33]),
            to: Some(shop),
            value: Some(Value {
                asset: "GRANT".parse().unwrap(),
                amount: policy.asset("GRANT").unwrap().parse("50.01 GRANT").unwrap(),
            }),
            fee: None,
            selector: None,
            created: now,
            valid_until: now.plus_millis(60_000),
        };
        let (account, caller) = ("expenses".parse().unwrap(), "anna".parse().unwrap());
        let question =
            Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now };
        let explained = explain(&policy, &question, &Counters::default(), &Default::default());
        assert_eq!(explained.denial.map(|denial| denial.code), Some(DenialCode::PerPayment));
        assert!(explained.rules.iter().all(|rule| rule.applies), "{:?}", explained.rules);
    }
}
