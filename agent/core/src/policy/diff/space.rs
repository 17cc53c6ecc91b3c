//! What both bundles together tell apart: in each dimension, classes of values that no rule of
//! either bundle treats differently.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use super::Pair;
use super::seats::{Seating, Seats};
use crate::intent::{LedgerId, Selector};
use crate::key::PublicKey;
use crate::name::Name;
use crate::policy::index::Classes;
use crate::policy::scope::Dimension;
use crate::policy::{Policy, Recipient};
use crate::role::Roles;

/// What a payment is told apart by, beside its action, amount, fee and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Axis {
    Asset,
    Account,
    Recipient,
    Caller,
    Ledger,
    Selector,
    Roles,
    /// Who pays, by address: of an endorsement the payer, else the account's own key.
    From,
}

/// So many axes.
pub(super) const AXES: usize = 8;

impl Axis {
    /// In the order in which they are searched.
    pub(super) const ALL: [Axis; AXES] = [
        Self::Asset,
        Self::Account,
        Self::Recipient,
        Self::Caller,
        Self::Ledger,
        Self::Selector,
        Self::Roles,
        Self::From,
    ];
}

/// Values by class, and what each class has in common.
#[derive(Debug)]
pub(super) struct Grouped<K, G> {
    members: Vec<Vec<K>>,
    common: Vec<G>,
    of: HashMap<K, u32>,
    by_common: HashMap<G, u32>,
    /// The class of every value that neither bundle names.
    other: Option<u32>,
}

impl<K: Clone + Eq + Hash, G: Clone + Eq + Hash> Grouped<K, G> {
    fn new() -> Self {
        Self {
            members: Vec::new(),
            common: Vec::new(),
            of: HashMap::new(),
            by_common: HashMap::new(),
            other: None,
        }
    }

    fn add(&mut self, value: K, common: G) -> u32 {
        let class = match self.by_common.get(&common) {
            Some(class) => *class,
            None => self.fresh(common),
        };
        self.of.insert(value.clone(), class);
        if let Some(members) = self.members.get_mut(class as usize) {
            members.push(value);
        }
        class
    }

    fn fresh(&mut self, common: G) -> u32 {
        let class = self.members.len() as u32;
        self.members.push(Vec::new());
        self.common.push(common.clone());
        self.by_common.entry(common).or_insert(class);
        class
    }

    /// Adds a value that shares its class with no other, whatever it has in common with them.
    fn add_alone(&mut self, value: K, common: G) {
        let class = self.fresh(common);
        self.of.insert(value.clone(), class);
        if let Some(members) = self.members.get_mut(class as usize) {
            members.push(value);
        }
    }

    /// Adds a value that stands for all that are not named.
    fn add_other(&mut self, value: Option<K>, common: G) {
        self.other = value.map(|value| self.add(value, common));
    }

    pub(super) fn classes(&self) -> u32 {
        self.members.len() as u32
    }

    pub(super) fn common(&self, class: u32) -> &G {
        &self.common[class as usize]
    }

    /// The first value of a class stands for it.
    pub(super) fn example(&self, class: u32) -> &K {
        &self.members[class as usize][0]
    }

    pub(super) fn members(&self, class: u32) -> &[K] {
        &self.members[class as usize]
    }

    pub(super) fn other(&self) -> Option<u32> {
        self.other
    }

    /// The class of a value; none where both bundles deny whatever has it.
    #[cfg(test)]
    pub(super) fn class(&self, value: &K) -> Option<u32> {
        self.of.get(value).copied().or(self.other)
    }
}

/// What assets of one class have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AssetCommon {
    /// Its class in the index of each bundle that knows it.
    pub rows: [Option<u32>; 2],
    /// One that is bound to a purpose is alone in its class.
    bound: Option<Name>,
}

/// What recipients of one class have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RecipientCommon {
    /// Its class in the index of each bundle that knows it.
    pub rows: [Option<u32>; 2],
    /// Do the bundles call it by two names?
    pub renamed: bool,
    /// Do they put it in other categories?
    pub recategorised: bool,
    purpose: PurposeCommon,
}

/// What the purposes of assets look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PurposeCommon {
    categories: [Option<Vec<Name>>; 2],
    redeemer: Option<PublicKey>,
}

/// What callers of one class have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallerCommon {
    /// Its class in the index of each bundle.
    pub rows: [u32; 2],
    /// The rules of each bundle that have too few approvers beside them.
    few: Vec<(usize, usize, Seats)>,
}

/// What payers of one class have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FromCommon {
    /// The payer's class in the index of each bundle that endorses for it.
    pub rows: [Option<u32>; 2],
    /// Do the bundles call the payer by two names?
    pub renamed: bool,
    purpose: PurposeCommon,
}

/// All classes of all axes.
#[derive(Debug)]
pub(super) struct Space {
    pub assets: Grouped<Option<Name>, AssetCommon>,
    /// By the rows of accounts, then of payers: who pays for itself is looked up in both.
    pub accounts: Grouped<Name, [u32; 4]>,
    pub recipients: Grouped<Option<PublicKey>, RecipientCommon>,
    pub callers: Grouped<Name, CallerCommon>,
    pub ledgers: Grouped<LedgerId, [u32; 2]>,
    pub selectors: Grouped<Option<Selector>, [u32; 2]>,
    pub roles: Grouped<Roles, [Vec<u64>; 2]>,
    pub from: Grouped<PublicKey, FromCommon>,
}

impl Space {
    pub(super) fn of(pair: Pair<'_>, seating: &Seating) -> Self {
        Self {
            assets: assets(pair),
            accounts: accounts(pair),
            recipients: recipients(pair),
            callers: callers(pair, seating),
            ledgers: ledgers(pair),
            selectors: selectors(pair),
            roles: roles(pair),
            from: from(pair),
        }
    }

    pub(super) fn classes(&self, axis: Axis) -> u32 {
        match axis {
            Axis::Asset => self.assets.classes(),
            Axis::Account => self.accounts.classes(),
            Axis::Recipient => self.recipients.classes(),
            Axis::Caller => self.callers.classes(),
            Axis::Ledger => self.ledgers.classes(),
            Axis::Selector => self.selectors.classes(),
            Axis::Roles => self.roles.classes(),
            Axis::From => self.from.classes(),
        }
    }
}

fn assets(pair: Pair<'_>) -> Grouped<Option<Name>, AssetCommon> {
    let mut grouped = Grouped::new();
    let names: BTreeSet<&Name> =
        pair.iter().flat_map(|policy| policy.assets()).map(|asset| asset.name()).collect();
    for name in names {
        let rows = pair.map(|policy| policy.asset_and_class(name).map(|(_, class)| class));
        let bound = pair.iter().any(|policy| policy.is_bound(name)).then(|| name.clone());
        grouped.add(Some(name.clone()), AssetCommon { rows, bound });
    }
    // Nothing is moved: told apart from assets that no rule mentions, which are.
    grouped.add_alone(None, AssetCommon { rows: [Some(0); 2], bound: None });
    grouped
}

fn all_named<'a, K>(pair: Pair<'a>, of: impl Fn(&'a Policy) -> Vec<&'a Classes<K>>) -> BTreeSet<&'a K>
where
    K: Clone + Ord + Hash,
{
    pair.iter().flat_map(|policy| of(policy)).flat_map(Classes::named).collect()
}

fn accounts(pair: Pair<'_>) -> Grouped<Name, [u32; 4]> {
    let [old, new] = pair.map(|policy| &policy.index);
    let named = all_named(pair, |policy| vec![&policy.index.accounts, &policy.index.payers]);
    let mut grouped = Grouped::new();
    for name in &named {
        let rows =
            [&old.accounts, &new.accounts, &old.payers, &new.payers].map(|classes| classes.class(name));
        grouped.add((*name).clone(), rows);
    }
    grouped.add_other(unnamed(pair, "another account", &named), [0; 4]);
    grouped
}

fn callers(pair: Pair<'_>, seating: &Seating) -> Grouped<Name, CallerCommon> {
    let mut named = all_named(pair, |policy| vec![&policy.index.callers]);
    named.extend(seating.names());
    let mut few = seating.marks();
    let mut grouped = Grouped::new();
    for name in &named {
        let rows = pair.map(|policy| policy.index.callers.class(name));
        let few = few.remove(*name).unwrap_or_default();
        grouped.add((*name).clone(), CallerCommon { rows, few });
    }
    let other = CallerCommon { rows: [0; 2], few: Vec::new() };
    grouped.add_other(unnamed(pair, "another caller", &named), other);
    grouped
}

/// A name that no rule mentions.
fn unnamed(pair: Pair<'_>, like: &str, named: &BTreeSet<&Name>) -> Option<Name> {
    let free =
        |name: &Name| !named.contains(name) && !pair.iter().any(|policy| policy.group_named(name.as_str()));
    let numbered = (2_u32..).map(|number| format!("{like} {number}"));
    let candidates = std::iter::once(like.to_owned()).chain(numbered);
    candidates.filter_map(|text| text.parse().ok()).find(free)
}

fn ledgers(pair: Pair<'_>) -> Grouped<LedgerId, [u32; 2]> {
    let mut grouped = Grouped::new();
    let mut known: HashSet<LedgerId> = HashSet::new();
    for (_, id) in pair.iter().flat_map(|policy| policy.ledgers()) {
        if known.insert(*id) {
            grouped.add(*id, pair.map(|policy| policy.index.ledgers.class(id)));
        }
    }
    let other = (0_u64..).map(|number| {
        let mut id = [0; 32];
        id[24..].copy_from_slice(&number.to_be_bytes());
        LedgerId(id)
    });
    grouped.add_other(other.into_iter().find(|id| !known.contains(id)), [0; 2]);
    grouped
}

fn selectors(pair: Pair<'_>) -> Grouped<Option<Selector>, [u32; 2]> {
    let named = all_named(pair, |policy| vec![&policy.index.selectors]);
    let mut grouped = Grouped::new();
    for selector in &named {
        grouped.add(Some(**selector), pair.map(|policy| policy.index.selectors.class(selector)));
    }
    let other =
        (0..=u32::MAX).map(|number| Selector(number.to_be_bytes())).find(|other| !named.contains(other));
    grouped.add_other(other.map(Some), [0; 2]);
    // Whatever calls no function is looked up like one that no rule mentions, and is no call of one.
    grouped.add_alone(None, [0; 2]);
    grouped
}

fn roles(pair: Pair<'_>) -> Grouped<Roles, [Vec<u64>; 2]> {
    let mut grouped = Grouped::new();
    // Who only asks comes first, so that it stands for others.
    for number in (1..Roles::SETS).chain([0]) {
        let rows = pair.map(|policy| policy.index.rows(Dimension::Role).row(number.into()).to_vec());
        grouped.add(Roles::from_bits(number), rows);
    }
    grouped
}

/// What purposes look at; where no asset has one, nothing.
struct Purposes<'a> {
    pair: Pair<'a>,
    any: bool,
    redeemers: HashSet<PublicKey>,
}

impl<'a> Purposes<'a> {
    fn of(pair: Pair<'a>) -> Self {
        let purposes = || pair.iter().flat_map(|policy| policy.purposes.values());
        let redeemers = purposes().filter_map(|purpose| purpose.redeemer.as_ref()).map(|(_, key)| *key);
        Self { pair, any: purposes().next().is_some(), redeemers: redeemers.collect() }
    }

    fn common(&self, key: &PublicKey) -> PurposeCommon {
        if !self.any {
            return PurposeCommon::default();
        }
        PurposeCommon {
            categories: self.pair.map(|policy| policy.recipient_at(key).map(categories)),
            redeemer: self.redeemers.get(key).copied(),
        }
    }
}

/// A recipient's categories in order of their names.
fn categories(recipient: &Recipient) -> Vec<Name> {
    let mut categories = recipient.categories.clone();
    categories.sort_unstable();
    categories
}

fn recipients(pair: Pair<'_>) -> Grouped<Option<PublicKey>, RecipientCommon> {
    let purposes = Purposes::of(pair);
    let mut grouped = Grouped::new();
    for key in pair.iter().flat_map(|policy| policy.recipients()).map(|recipient| &recipient.address) {
        if grouped.of.contains_key(&Some(*key)) {
            continue;
        }
        let known = pair.map(|policy| policy.recipient_and_row(key));
        let (renamed, recategorised) = match known {
            [Some((old, _)), Some((new, _))] => {
                (old.name != new.name, old.categories != new.categories && categories(old) != categories(new))
            }
            _ => (false, false),
        };
        let rows = known.map(|known| known.map(|(_, row)| row));
        let purpose = purposes.common(key);
        grouped.add(Some(*key), RecipientCommon { rows, renamed, recategorised, purpose });
    }
    let rows = pair.map(|policy| Some(policy.index.nobody));
    let nobody = RecipientCommon { rows, renamed: false, recategorised: false, purpose: Default::default() };
    // Told apart from recipients that no rule names: what is bound to a purpose does not move to it.
    grouped.add_alone(None, nobody);
    grouped
}

fn from(pair: Pair<'_>) -> Grouped<PublicKey, FromCommon> {
    let purposes = Purposes::of(pair);
    let mut keys: BTreeSet<PublicKey> =
        pair.iter().flat_map(|policy| policy.payers.keys()).copied().collect();
    if purposes.any {
        keys.extend(pair.iter().flat_map(|policy| policy.recipients()).map(|recipient| recipient.address));
    }
    let mut grouped = Grouped::new();
    for key in &keys {
        let names = pair.map(|policy| policy.payer(key));
        let renamed = matches!(names, [Some(old), Some(new)] if old != new);
        let [old, new] = [0, 1].map(|side| names[side].map(|name| pair[side].index.payers.class(name)));
        grouped.add(*key, FromCommon { rows: [old, new], renamed, purpose: purposes.common(key) });
    }
    let known: HashSet<PublicKey> = pair
        .iter()
        .flat_map(|policy| policy.recipients())
        .map(|recipient| recipient.address)
        .chain(keys.iter().copied())
        .collect();
    let nobody = FromCommon { rows: [None; 2], renamed: false, purpose: PurposeCommon::default() };
    grouped.add_other(stranger(&known), nobody);
    grouped
}

/// A key that is nobody's: x coordinates are tried until one lies on the curve.
fn stranger(known: &HashSet<PublicKey>) -> Option<PublicKey> {
    (1_u64..).filter_map(point).find(|key| !known.contains(key))
}

fn point(x: u64) -> Option<PublicKey> {
    let mut bytes = [0; 33];
    bytes[0] = 2;
    bytes[25..].copy_from_slice(&x.to_be_bytes());
    PublicKey::p256(bytes).ok()
}
