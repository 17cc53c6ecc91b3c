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
}

/// One payment that may be handed to the ledger now; it is on its way until this is dropped.
#[derive(Debug)]
#[must_use = "hand it to the ledger while this is held"]
pub struct Departure {
    of: Departures,
    account: Name,
    spend: u64,
}

impl Departures {
    /// Lets a payment leave; `None` while its account is frozen.
    pub(super) fn leave(&self, account: &Name, spend: u64) -> Option<Departure> {
        let mut state = self.lock();
        if state.frozen.contains(account) {
            return None;
        }
        state.leaving.entry(account.clone()).or_default().insert(spend);
        Some(Departure { of: self.clone(), account: account.clone(), spend })
    }

    /// Only the writer does so, with the record.
    pub(super) fn freeze(&self, frozen: BTreeSet<Name>) {
        self.lock().frozen = frozen;
    }

    /// Waits at most so long until nothing of this account is on its way; answers what still is.
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
        self.leaving(account)
    }

    fn leaving(&self, account: &Name) -> Vec<u64> {
        self.lock().leaving.get(account).into_iter().flatten().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing can panic between two changes that belong together.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        if let Some(leaving) = state.leaving.get_mut(&self.account) {
            leaving.remove(&self.spend);
            if leaving.is_empty() {
                state.leaving.remove(&self.account);
            }
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
        drop(second);
        let (waiting, account) = (departures.clone(), petty.clone());
        let settled = tokio::spawn(async move { waiting.settled(&account, Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        assert!(!settled.is_finished());
        drop(first);
        assert_eq!(settled.await.unwrap(), [0; 0]);
        drop(other);
        departures.freeze(BTreeSet::new());
        assert!(departures.leave(&petty, 6).is_some());
        assert!(departures.lock().leaving.is_empty());
    }
}
