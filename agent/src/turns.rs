//! Taking turns: one request at a time under one Idempotency-Key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::book::request::IdempotencyId;

/// Who is at work under which key.
#[derive(Debug, Default)]
pub struct Turns {
    waiting: Mutex<HashMap<IdempotencyId, Arc<Turn<()>>>>,
}

/// The right to work under one key, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it lets the next one in"]
pub struct Guard<'a> {
    turns: &'a Turns,
    id: IdempotencyId,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until nobody else works under this key.
    pub async fn wait(&self, id: IdempotencyId) -> Guard<'_> {
        let turn = self.lock().entry(id).or_default().clone();
        let held = turn.lock_owned().await;
        Guard { turns: self, id, held: Some(held) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IdempotencyId, Arc<Turn<()>>>> {
        // Nothing can panic while it is held, and a map of locks has no broken state anyway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut waiting = self.turns.lock();
        self.held = None;
        // Only the map has it: nobody waits. Whoever comes next makes a new one under the same lock.
        if waiting.get(&self.id).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            waiting.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn one_at_a_time_and_nothing_left_behind() {
        let (turns, inside) = (Arc::new(Turns::default()), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let (turns, inside) = (turns.clone(), inside.clone());
                tokio::spawn(async move {
                    let _turn = turns.wait([n % 2; 16]).await;
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.is_ok());
        }
        assert!(turns.lock().is_empty());
    }
}
