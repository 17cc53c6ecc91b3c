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
pub struct Guard {
    turns: Arc<Turns>,
    id: IdempotencyId,
    turn: Option<Arc<Turn<()>>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until nobody else works under this key. Whoever stops waiting leaves nothing behind.
    pub async fn wait(self: &Arc<Self>, id: IdempotencyId) -> Guard {
        let turn = self.lock().entry(id).or_default().clone();
        let mut guard = Guard { turns: self.clone(), id, turn: Some(turn.clone()), held: None };
        guard.held = Some(turn.lock_owned().await);
        guard
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IdempotencyId, Arc<Turn<()>>>> {
        // Nothing can panic while it is held, and a map of locks has no broken state anyway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut waiting = self.turns.lock();
        (self.held, self.turn) = (None, None);
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

    #[tokio::test]
    async fn whoever_stops_waiting_leaves_nothing_behind() {
        let turns = Arc::new(Turns::default());
        let first = turns.wait([0; 16]).await;
        for _ in 0..10 {
            assert!(is_pending(turns.wait([0; 16])).await);
        }
        assert_eq!(turns.lock().len(), 1);
        drop(first);
        assert!(turns.lock().is_empty());
        // The turn comes at the moment at which nobody waits for it any more.
        let first = turns.wait([0; 16]).await;
        let mut second = std::pin::pin!(turns.wait([0; 16]));
        assert!(is_pending(second.as_mut()).await);
        drop(first);
        assert_eq!(turns.lock().len(), 1, "it is the second's");
        drop(second.await);
        assert!(turns.lock().is_empty());
        let (first, held) = (turns.wait([0; 16]).await, turns.clone());
        let mut late = Box::pin(async move { held.wait([0; 16]).await });
        assert!(is_pending(late.as_mut()).await);
        drop(first);
        drop(late);
        assert!(turns.lock().is_empty());
    }

    /// Polls it once.
    async fn is_pending<F: Future>(future: F) -> bool {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
    }
}
