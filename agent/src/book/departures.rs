//! What is on its way to the ledger, and the accounts that nothing leaves.
//!
//! A payment is entered here before it is asked whether its account is frozen; a freeze is entered
//! before it is asked what is on its way. So one of the two always sees the other: once a freeze is
//! answered, what it did not name stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bursar_core::name::Name;
use tokio::sync::Notify;

/// Shared by the writer, which says what is frozen, and everybody who forwards.
#[derive(Clone, Debug, Default)]
pub struct Departures(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    frozen: BTreeSet<Name>,
    leaving: BTreeMap<Name, BTreeSet<u64>>,
    /// Handed to the ledger without an answer that it is recorded, and not ended since.
    sent: BTreeMap<Name, BTreeSet<u64>>,
}

/// One payment that may be handed to the ledger now; it is on its way until this is dropped.
#[derive(Debug)]
#[must_use = "hand it to the ledger while this is held"]
pub struct Departure {
    of: Departures,
    account: Name,
    spend: u64,
    arrived: bool,
}

impl Departures {
    /// Lets a payment leave; `None` while its account is frozen.
    pub(super) fn leave(&self, account: &Name, spend: u64) -> Option<Departure> {
        let mut state = self.lock();
        if state.frozen.contains(account) {
            return None;
        }
        state.leaving.entry(account.clone()).or_default().insert(spend);
        Some(Departure { of: self.clone(), account: account.clone(), spend, arrived: false })
    }

    /// Only the writer does so, with the record.
    pub(super) fn freeze(&self, frozen: BTreeSet<Name>) {
        self.lock().frozen = frozen;
    }

    /// What an earlier run may have handed to the ledger: whatever is signed and not ended.
    pub(super) fn begin(&self, signed: impl Iterator<Item = (Name, u64)>) {
        let mut state = self.lock();
        state.sent.clear();
        for (account, spend) in signed {
            state.sent.entry(account).or_default().insert(spend);
        }
    }

    /// It has ended: recorded, or never to be.
    pub(super) fn ended(&self, account: &Name, spend: u64) {
        remove(&mut self.lock().sent, account, spend);
    }

    /// May the ledger have it? Then the same bytes are sent again, whatever has changed.
    pub(super) fn was_sent(&self, account: &Name, spend: u64) -> bool {
        let state = self.lock();
        let holds = |spends: &BTreeMap<Name, BTreeSet<u64>>| {
            spends.get(account).is_some_and(|spends| spends.contains(&spend))
        };
        holds(&state.sent) || holds(&state.leaving)
    }

    /// Does nothing leave this account?
    pub(super) fn is_frozen(&self, account: &Name) -> bool {
        self.lock().frozen.contains(account)
    }

    /// Waits at most so long until nothing of this account is on its way; answers what still is, and
    /// what the ledger had been handed before without a word that it is recorded.
    pub(super) async fn settled(&self, account: &Name, within: Duration) -> Vec<u64> {
        let none = async {
            loop {
                let arrived = self.0.arrived.notified();
                tokio::pin!(arrived);
                // Before the look, so that no arrival in between is missed.
                arrived.as_mut().enable();
                if self.leaving(account).is_empty() {
                    return;
                }
                arrived.await;
            }
        };
        // Either way the look after it says how things are.
        let _ = tokio::time::timeout(within, none).await;
        let mut unknown: BTreeSet<u64> = self.leaving(account).into_iter().collect();
        unknown.extend(self.lock().sent.get(account).into_iter().flatten());
        unknown.into_iter().collect()
    }

    fn leaving(&self, account: &Name) -> Vec<u64> {
        self.lock().leaving.get(account).into_iter().flatten().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing can panic between two changes that belong together.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Departure {
    /// The ledger has said that it is recorded, or there is none.
    pub fn arrived(mut self) {
        self.arrived = true;
    }
}

fn remove(spends: &mut BTreeMap<Name, BTreeSet<u64>>, account: &Name, spend: u64) {
    if let Some(of) = spends.get_mut(account) {
        of.remove(&spend);
        if of.is_empty() {
            spends.remove(account);
        }
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        remove(&mut state.leaving, &self.account, self.spend);
        if !self.arrived {
            state.sent.entry(self.account.clone()).or_default().insert(self.spend);
        }
        drop(state);
        self.of.0.arrived.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn name(name: &str) -> Name {
        name.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_freeze_waits_for_its_own_account_and_says_what_is_still_on_its_way() {
        let departures = Departures::default();
        let (petty, payroll) = (name("petty"), name("payroll"));
        let other = departures.leave(&payroll, 1).unwrap();
        let first = departures.leave(&petty, 2).unwrap();
        let second = departures.leave(&petty, 3).unwrap();
        departures.freeze(BTreeSet::from([petty.clone()]));
        assert!(departures.leave(&petty, 4).is_none());
        assert!(departures.leave(&payroll, 5).is_some());
        assert_eq!(departures.settled(&petty, Duration::from_secs(1)).await, [2, 3]);
        second.arrived();
        let (waiting, account) = (departures.clone(), petty.clone());
        let settled = tokio::spawn(async move { waiting.settled(&account, Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        assert!(!settled.is_finished());
        drop(first);
        assert_eq!(settled.await.unwrap(), [2], "nobody knows what became of it");
        departures.ended(&petty, 2);
        assert_eq!(departures.settled(&petty, Duration::ZERO).await, [0; 0]);
        other.arrived();
        departures.freeze(BTreeSet::new());
        departures.leave(&petty, 6).unwrap().arrived();
        departures.begin([(petty.clone(), 7)].into_iter());
        assert_eq!(departures.settled(&petty, Duration::ZERO).await, [7], "of an earlier run");
        departures.ended(&petty, 7);
        let state = departures.lock();
        assert!(state.leaving.is_empty() && state.sent.is_empty());
    }
}
