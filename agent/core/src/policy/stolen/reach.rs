//! What a thief could ask for: one row for each rule, action, account and asset.

use std::collections::{BTreeSet, HashMap};

use super::{Most, Reach, Recipients, TooLarge, Victim};
use crate::amount::{Amount, Asset};
use crate::intent::Action;
use crate::name::Name;
use crate::policy::budget::{Cap, Quantity};
use crate::policy::rule::Rule;
use crate::policy::scope::{Dimension, Scope};
use crate::policy::{Kind, Policy, Recipient};
use crate::role::Roles;

/// Most words of rows of bits that are read: seconds, not minutes.
const WORK: usize = 2_000_000_000;
/// Most recipients that a row names.
const NAMED: usize = 5;

/// Recipients that no rule and no purpose tells apart; or nobody.
pub(super) struct Alike<'a> {
    class: u32,
    one: Option<&'a Recipient>,
    pub count: u64,
    names: Vec<&'a Name>,
}

/// Payments by one rule from one account in one asset.
pub(super) struct Row<'a> {
    pub rule: &'a Rule,
    pub hand: Hand<'a>,
    pub action: Action,
    pub account: Option<Name>,
    pub asset: Option<&'a Asset>,
    /// Positions in [`Rows::alike`] of whom it pays without anybody's approval.
    pub to: Vec<usize>,
    /// Bits of the limits that are about every payment in it.
    pub limits: Vec<u64>,
    /// The most that one payment moves; [`Amount::MAX`] is no bound.
    pub single: Amount,
    /// Who has to approve every payment in it, so that a thief alone gets none; in words.
    pub needs: BTreeSet<String>,
}

/// All that a thief could ask for.
pub(super) struct Rows<'a> {
    pub rows: Vec<Row<'a>>,
    pub alike: Vec<Alike<'a>>,
}

/// What a thief fixes of a payment, and what they may choose.
#[derive(Clone, Copy)]
pub(super) struct Hand<'a> {
    /// Who asks; `None` is anybody, when it is a payer's key that was stolen.
    pub caller: Option<&'a Name>,
    /// Who pays in what is endorsed; `None` is any payer.
    pub payer: Option<&'a Name>,
    roles: Option<Roles>,
}

impl<'a> Hand<'a> {
    /// As somebody who asks, and as somebody whose transactions are endorsed.
    fn both(policy: &'a Policy, victim: &Victim<'a>) -> impl Iterator<Item = Self> {
        let asks = Self { caller: Some(victim.name), payer: None, roles: victim.roles };
        let pays = policy.payers.values().any(|payer| payer == victim.name);
        let pays = pays.then_some(Self { caller: None, payer: Some(victim.name), roles: None });
        std::iter::once(asks).chain(pays)
    }
}

/// Every row; refuses a bundle whose rows would take too long.
pub(super) fn rows<'a>(policy: &'a Policy, victim: &Victim<'a>) -> Result<Rows<'a>, TooLarge> {
    let alike = alike(policy);
    let accounts = accounts(policy, victim);
    let (mut rows, mut work) = (Vec::new(), WORK);
    for hand in Hand::both(policy, victim) {
        for (position, rule) in policy.rules.iter().enumerate().filter(|(_, rule)| rule.kind == Kind::Allow) {
            for &action in rule.scope.actions.iter().flatten() {
                if !can(policy, &hand, rule, action) {
                    continue;
                }
                for account in
                    accounts.iter().filter(|account| pays_from(policy, rule, action, account.as_ref()))
                {
                    for asset in assets(policy, rule, action) {
                        let ask = Ask { policy, hand: &hand, rule, action, account: account.as_ref(), asset };
                        rows.extend(ask.row(position, &alike, &mut work)?);
                    }
                }
            }
        }
    }
    // In the order of the file.
    rows.sort_by(|a: &Row<'_>, b| a.rule.line.cmp(&b.rule.line).then_with(|| a.account.cmp(&b.account)));
    Ok(Rows { rows, alike })
}

/// Could a payment of this hand be in the rule's scope, as far as it fixes it?
fn can(policy: &Policy, hand: &Hand<'_>, rule: &Rule, action: Action) -> bool {
    let scope = &rule.scope;
    // Only calls have a selector; endorsements need somebody whose transactions are endorsed.
    let kind = (action == Action::Call || scope.selectors.is_none())
        && match (action, hand.payer) {
            (Action::Endorse, Some(payer)) => holds(policy, scope.payers.as_ref(), payer),
            (Action::Endorse, None) => {
                policy.payers.values().any(|payer| holds(policy, scope.payers.as_ref(), payer))
            }
            (_, payer) => payer.is_none(),
        };
    let roles = match (scope.roles, hand.roles) {
        (Some(of), Some(roles)) => of.meets(roles),
        _ => true,
    };
    kind && roles && hand.caller.is_none_or(|caller| holds(policy, scope.callers.as_ref(), caller))
}

fn pays_from(policy: &Policy, rule: &Rule, action: Action, account: Option<&Name>) -> bool {
    let lists = [Some(&rule.scope.accounts), (action != Action::Endorse).then_some(&rule.scope.payers)];
    lists.into_iter().flatten().all(|list| match account {
        Some(account) => holds(policy, list.as_ref(), account),
        None => list.is_none(),
    })
}

/// What a payment by this rule may be in; `None` is one that moves nothing.
fn assets<'a>(policy: &'a Policy, rule: &Rule, action: Action) -> Vec<Option<&'a Asset>> {
    let listed = &rule.scope.assets;
    let valued = !matches!(action, Action::Record | Action::Rotate);
    let empty = matches!(action, Action::Record | Action::Rotate | Action::Call) && listed.is_none();
    let some =
        policy.assets().filter(|asset| listed.as_ref().is_none_or(|listed| listed.contains(asset.name())));
    some.filter(|_| valued).map(Some).chain(empty.then_some(None)).collect()
}

/// A list with its groups opened.
fn opened<'a>(policy: &'a Policy, names: &'a [Name]) -> impl Iterator<Item = &'a Name> {
    names.iter().flat_map(|name| policy.groups.get(name).map_or(std::slice::from_ref(name), Vec::as_slice))
}

fn holds(policy: &Policy, names: Option<&Vec<Name>>, name: &Name) -> bool {
    names.is_none_or(|names| opened(policy, names).any(|other| other == name))
}

/// Is every name that one list takes taken by the other as well?
fn within(policy: &Policy, narrow: Option<&Vec<Name>>, wide: Option<&Vec<Name>>) -> bool {
    wide.is_none()
        || narrow.is_some_and(|narrow| opened(policy, narrow).all(|name| holds(policy, wide, name)))
}

/// The accounts that there are; or all that rules name, and any other.
fn accounts(policy: &Policy, victim: &Victim<'_>) -> Vec<Option<Name>> {
    if let Some(accounts) = victim.accounts {
        return accounts.iter().cloned().map(Some).collect();
    }
    let lists = policy.rules.iter().flat_map(|rule| [&rule.scope.accounts, &rule.scope.payers]);
    let named: BTreeSet<&Name> = lists.flatten().flat_map(|names| opened(policy, names)).collect();
    named.into_iter().cloned().map(Some).chain([None]).collect()
}

/// Puts recipients together that no rule and no purpose tells apart; in the order of the file.
fn alike(policy: &Policy) -> Vec<Alike<'_>> {
    let redeemers: BTreeSet<&Name> =
        policy.purposes.values().filter_map(|purpose| Some(&purpose.redeemer.as_ref()?.0)).collect();
    let (mut found, mut known): (Vec<Alike<'_>>, HashMap<_, usize>) = (Vec::new(), HashMap::new());
    for recipient in policy.recipients() {
        let categories: BTreeSet<&Name> = recipient.categories.iter().collect();
        let redeemer = redeemers.get(&recipient.name).copied();
        let at = *known.entry((recipient.class, categories, redeemer)).or_insert(found.len());
        if at == found.len() {
            found.push(Alike { class: recipient.class, one: Some(recipient), count: 0, names: Vec::new() });
        }
        let Some(kind) = found.get_mut(at) else { continue };
        kind.count += 1;
        if kind.names.len() < NAMED {
            kind.names.push(&recipient.name);
        }
    }
    found.push(Alike { class: policy.index.nobody, one: None, count: 0, names: Vec::new() });
    found
}

/// Payments as a thief would make them by one rule, apart from who is paid.
struct Ask<'p, 'h> {
    policy: &'p Policy,
    hand: &'h Hand<'p>,
    rule: &'p Rule,
    action: Action,
    account: Option<&'h Name>,
    asset: Option<&'p Asset>,
}

impl<'p> Ask<'p, '_> {
    /// Is this scope about every such payment, whoever is paid?
    fn surely(&self, scope: &Scope) -> bool {
        let (policy, own, hand) = (self.policy, &self.rule.scope, self.hand);
        let account = |list: &Option<Vec<Name>>| match self.account {
            Some(account) => holds(policy, list.as_ref(), account),
            None => list.is_none(),
        };
        let payer = match (self.action, hand.payer) {
            (Action::Endorse, Some(payer)) => holds(policy, scope.payers.as_ref(), payer),
            (Action::Endorse, None) => within(policy, own.payers.as_ref(), scope.payers.as_ref()),
            _ => account(&scope.payers),
        };
        let caller = match hand.caller {
            Some(caller) => holds(policy, scope.callers.as_ref(), caller),
            None => within(policy, own.callers.as_ref(), scope.callers.as_ref()),
        };
        let selector = match (&scope.selectors, &own.selectors) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => {
                self.action == Action::Call && narrow.iter().all(|selector| wide.contains(selector))
            }
            (Some(_), None) => false,
        };
        let ledger = match (&scope.ledgers, &own.ledgers) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => narrow.iter().all(|ledger| wide.contains(ledger)),
            (Some(_), None) => false,
        };
        let roles = match (scope.roles, hand.roles, own.roles) {
            (None, _, _) => true,
            (Some(wide), Some(roles), _) => wide.meets(roles),
            (Some(wide), None, Some(narrow)) => narrow.iter().all(|role| wide.has(role)),
            (Some(_), None, None) => false,
        };
        let action = scope.actions.as_ref().is_none_or(|actions| actions.contains(&self.action));
        let asset = scope
            .assets
            .as_ref()
            .is_none_or(|assets| self.asset.is_some_and(|asset| assets.contains(asset.name())));
        action && selector && ledger && account(&scope.accounts) && payer && asset && caller && roles
    }

    fn row(
        &self,
        position: usize,
        alike: &[Alike<'p>],
        work: &mut usize,
    ) -> Result<Option<Row<'p>>, TooLarge> {
        let (policy, index) = (self.policy, &self.policy.index);
        let words = policy.rules.len().div_ceil(64);
        *work = work.checked_sub(policy.rules.len() + alike.len() * words).ok_or(TooLarge)?;
        let mut surely = vec![0_u64; words];
        for (i, rule) in policy.rules.iter().enumerate() {
            // Conditions on time let a forbid pass now and then.
            let counts = match rule.kind {
                Kind::Forbid => rule.is_timeless(),
                Kind::Allow => i < position,
                Kind::Limit => true,
            };
            if counts && self.surely(&rule.scope) {
                surely[i / 64] |= 1 << (i % 64);
            }
        }
        let rows = index.rows(Dimension::Recipient);
        let moves = matches!(self.action, Action::Pay | Action::Issue | Action::Endorse);
        let mut row = Row {
            rule: self.rule,
            hand: *self.hand,
            action: self.action,
            account: self.account.cloned(),
            asset: self.asset,
            to: Vec::new(),
            limits: vec![!0; words],
            single: Amount::ZERO,
            needs: BTreeSet::new(),
        };
        let mut approved = Vec::new();
        for (at, kind) in alike.iter().enumerate() {
            let bits = rows.row(kind.class);
            let matches = bits[position / 64] >> (position % 64) & 1 == 1;
            if !matches || (moves && kind.one.is_none()) || !self.is_for(kind) {
                continue;
            }
            let about: Vec<u64> = surely.iter().zip(bits).map(|(a, b)| a & b).collect();
            // Forbidden, or decided by an earlier allow.
            if bits_of(&about).next().is_some_and(|first| first < index.allows) {
                continue;
            }
            let rules = || {
                let limits = bits_of(&about).filter_map(|i| policy.rules.get(i));
                std::iter::once(self.rule).chain(limits)
            };
            let Some(single) = self.single(rules()).filter(|single| !single.is_zero()) else { continue };
            let always: Vec<String> = rules().flat_map(always).collect();
            if !always.is_empty() {
                approved.push(at);
                row.needs.extend(always);
                continue;
            }
            row.limits.iter_mut().zip(&about).for_each(|(all, one)| *all &= one);
            row.single = row.single.max(single);
            row.to.push(at);
        }
        if row.to.is_empty() {
            row.to = approved;
            row.limits = vec![0; words];
        } else {
            row.needs.clear();
        }
        Ok((!row.to.is_empty()).then_some(row))
    }

    /// Is the asset bound to a purpose that lets these be paid?
    fn is_for(&self, kind: &Alike<'_>) -> bool {
        let purpose = self.asset.and_then(|asset| self.policy.purposes.get(asset.name()));
        let (Some(purpose), Some(one)) = (purpose, kind.one) else { return true };
        let redeems = purpose.redeemer.as_ref().is_some_and(|(_, address)| *address == one.address);
        self.action == Action::Issue || redeems || purpose.accepts(one)
    }

    /// The most that one payment moves; nothing if these rules never let any through.
    fn single<'r>(&self, rules: impl Iterator<Item = &'r Rule>) -> Option<Amount> {
        let mut most = Amount::MAX;
        for rule in rules {
            let never = rule.hours.as_ref().is_some_and(|hours| hours.never())
                || rule.lifetime.as_ref().is_some_and(|lifetime| lifetime.never());
            if never {
                return None;
            }
            for budget in &rule.budgets {
                match budget.cap {
                    Cap::Count(0) => return None,
                    Cap::Amount(_, cap) if self.asset.is_some() => most = most.min(cap),
                    _ => {}
                }
            }
            if self.asset.is_some() {
                let caps = rule
                    .per_payment
                    .iter()
                    .chain(rule.quorums.iter().filter_map(|quorum| quorum.above.as_ref()));
                most = caps.map(|cap| cap.cap).fold(most, Amount::min);
            }
        }
        Some(most)
    }
}

/// Who has to approve every payment under this rule.
fn always(rule: &Rule) -> impl Iterator<Item = String> {
    let always = rule.quorums.iter().filter(|quorum| quorum.above.is_none() && !quorum.first);
    always.map(ToString::to_string)
}

/// The positions of set bits.
pub(super) fn bits_of(row: &[u64]) -> impl Iterator<Item = usize> {
    row.iter().enumerate().flat_map(|(at, word)| {
        let word = *word;
        (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
    })
}

impl<'a> Rows<'a> {
    /// How many recipients several rows have together, and how many categories; those without a
    /// category, or nobody at all, count as one.
    pub(super) fn keys(&self, rows: &[usize]) -> (u64, u64) {
        let kinds: BTreeSet<usize> =
            rows.iter().filter_map(|row| self.rows.get(*row)).flat_map(|row| &row.to).copied().collect();
        let kinds: Vec<&Alike<'a>> = kinds.into_iter().filter_map(|kind| self.alike.get(kind)).collect();
        let recipients = kinds.iter().fold(0_u64, |sum, kind| sum.saturating_add(kind.count.max(1)));
        let mut categories: BTreeSet<Option<&Name>> = BTreeSet::new();
        for kind in kinds {
            match kind.one.map(|one| one.categories.as_slice()) {
                None | Some([]) => drop(categories.insert(None)),
                Some(named) => categories.extend(named.iter().map(Some)),
            }
        }
        (recipients, categories.len() as u64)
    }

    /// A row as people see it; its ceilings follow.
    pub(super) fn reach(&self, policy: &Policy, row: &Row<'a>) -> Reach {
        let limits = bits_of(&row.limits).filter_map(|i| policy.rules.get(i));
        let rules: Vec<&Rule> = std::iter::once(row.rule).chain(limits).collect();
        let purpose = row.asset.and_then(|asset| policy.purposes.get(asset.name()));
        let mut when: Vec<String> = Vec::new();
        when.extend(purpose.and_then(|purpose| purpose.lifetime.as_ref()).map(ToString::to_string));
        for rule in &rules {
            when.extend(rule.lifetime.as_ref().map(ToString::to_string));
            when.extend(rule.hours.as_ref().map(ToString::to_string));
        }
        let single = row.asset.filter(|_| row.needs.is_empty()).map(|asset| most(row.single, asset));
        Reach {
            rule: row.rule.name.clone(),
            action: row.action,
            account: row.account.clone(),
            asset: row.asset.map(|asset| asset.name().clone()),
            single,
            to: self.recipients(row),
            when,
            needs: row.needs.iter().cloned().collect(),
            known_only: rules.iter().any(|rule| rule.quorums.iter().any(|quorum| quorum.first)),
            fee: row.rule.fee_cap.as_ref().map(ToString::to_string),
            ceilings: Vec::new(),
        }
    }

    fn recipients(&self, row: &Row<'a>) -> Recipients {
        let kinds: Vec<&Alike<'a>> = row.to.iter().filter_map(|kind| self.alike.get(*kind)).collect();
        let categories: BTreeSet<&Name> =
            kinds.iter().filter_map(|kind| kind.one).flat_map(|one| &one.categories).collect();
        Recipients {
            count: kinds.iter().fold(0, |sum, kind| sum + kind.count),
            names: kinds
                .iter()
                .flat_map(|kind| &kind.names)
                .take(NAMED)
                .map(|name| (*name).clone())
                .collect(),
            categories: categories.into_iter().cloned().collect(),
        }
    }
}

/// [`Amount::MAX`] is no bound.
pub(super) fn most(amount: Amount, asset: &Asset) -> Most {
    if amount == Amount::MAX { Most::Unlimited } else { Most::Of(Quantity::Amount(amount, asset.clone())) }
}
