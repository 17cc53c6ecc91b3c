//! Requests at random.

use std::collections::BTreeSet;

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::name::Name;
use bursar_core::policy::Question;
use bursar_core::role::{Role, Roles};
use bursar_core::time::Timestamp;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::world::{ACCOUNTS, APPROVERS, ASSETS, CALLERS, HOUR, OWN, SELECTORS, SHOPS, STRANGER, key};

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub action: Action,
    pub selector: Option<&'static str>,
    /// What every byte of the ledger's id is.
    pub ledger: u8,
    pub account: &'static str,
    /// The seed of the payer's key.
    pub from: usize,
    pub caller: &'static str,
    pub roles: Vec<Role>,
    /// The seed of the recipient's key, which for shops is their position.
    pub to: Option<usize>,
    pub value: Option<(&'static str, u64)>,
    pub fee: Option<(&'static str, u64)>,
    /// Who has approved it.
    pub voters: Vec<&'static str>,
    /// Time in ms since the ask before.
    pub after: i64,
    pub fate: Fate,
}

/// What becomes of a payment that was allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// Recorded so many ms later.
    Recorded(i64),
    Held,
    Released,
}

pub fn ask() -> impl Strategy<Value = Ask> {
    let action = prop_oneof![5 => Just(Action::Pay), 3 => select(&Action::ALL[..])];
    let of = (
        action,
        weighted(0.8, select(&SELECTORS[..])),
        prop_oneof![12 => Just(1_u8), 2 => Just(2), 1 => Just(9)],
        prop_oneof![8 => Just(OWN), 3 => 0..SHOPS.len(), 3 => Just(10), 1 => Just(11)],
        weighted(0.95, prop_oneof![40 => 0..SHOPS.len(), 1 => Just(STRANGER)]),
        weighted(
            0.95,
            (prop_oneof![30 => Just(ASSETS[0]), 10 => Just(ASSETS[1]), 1 => Just(ASSETS[2])], 1..60_u64),
        ),
        weighted(0.15, (prop_oneof![9 => Just(ASSETS[0]), 1 => Just(ASSETS[1])], 1..10_u64)),
    );
    let by = (select(&ACCOUNTS[..]), select(&CALLERS[..]), subsequence(&Role::ALL[..], 0..=5));
    let then = (
        prop_oneof![1 => subsequence(&APPROVERS[..], 0..=5), 1 => Just(APPROVERS.to_vec())],
        0..9 * HOUR,
        fate(),
    );
    (of, by, then).prop_map(|(of, (account, caller, roles), (voters, after, fate))| {
        let (action, selector, ledger, from, to, value, fee) = of;
        let bare = matches!(action, Action::Record | Action::Rotate);
        Ask {
            action,
            selector: selector.filter(|_| action == Action::Call),
            ledger,
            account,
            from,
            caller,
            roles,
            to: to.filter(|_| !bare),
            value: value.filter(|_| !bare),
            fee,
            voters,
            after,
            fate,
        }
    })
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Recorded(0)),
        4 => (1..30 * HOUR).prop_map(Fate::Recorded),
        1 => Just(Fate::Held),
        1 => Just(Fate::Released),
    ]
}

impl Ask {
    pub fn intent(&self, now: i64) -> Intent {
        let now = Timestamp::from_millis(now).unwrap();
        let value = |(asset, amount): (&str, u64)| Value {
            asset: asset.parse().unwrap(),
            amount: Amount::from(amount),
        };
        Intent {
            action: self.action,
            ledger: LedgerId([self.ledger; 32]),
            from: key(self.from),
            to: self.to.map(key),
            value: self.value.map(value),
            fee: self.fee.map(value),
            selector: self.selector.map(|selector| selector.parse().unwrap()),
            created: now,
            valid_until: now,
        }
    }

    /// Asks with this intent of its own.
    pub fn question<'a>(&self, intent: &'a Intent, by: &'a (Name, Name)) -> Question<'a> {
        let roles: Roles = self.roles.iter().copied().collect();
        Question { intent, account: &by.0, caller: &by.1, roles, now: intent.created }
    }

    /// Account and caller.
    pub fn names(&self) -> (Name, Name) {
        (self.account.parse().unwrap(), self.caller.parse().unwrap())
    }

    pub fn votes(&self) -> BTreeSet<Name> {
        self.voters.iter().map(|name| name.parse().unwrap()).collect()
    }
}
