//! What one caller may take of the agent at the same time, so that nobody keeps all others out.

use std::collections::HashMap;
use std::sync::Arc;

use bursar_core::name::Name;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Problem;
use crate::config::Callers;

/// Most payments of all callers together.
pub const MAX_SPENDS: usize = 512;
/// Most payments of one caller: a quarter.
pub const MAX_SPENDS_EACH: usize = MAX_SPENDS / 4;
/// Most questions of all callers that work through the whole policy; the writer serves payments first.
const MAX_QUESTIONS: usize = 2;
/// Most of one caller, whose others wait in a line of their own.
const MAX_QUESTIONS_EACH: usize = 1;
/// Most files that are read for one caller; its others wait likewise. Sixteen threads read for all.
const MAX_READS_EACH: usize = 4;

/// Who has taken how much.
#[derive(Debug)]
pub struct Shares {
    spends: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    callers: HashMap<Name, Share>,
    /// Of all that the configuration does not name.
    others: Share,
}

/// One caller's part.
#[derive(Debug)]
struct Share {
    spends: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

/// Something that was taken, until it is dropped. Nobody closes the semaphores.
#[derive(Debug)]
#[must_use = "dropping it gives it back"]
pub struct Place {
    _own: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The caller's own.
    Own,
    /// That of all callers together.
    All,
}

impl Share {
    fn new() -> Self {
        let of = |places| Arc::new(Semaphore::new(places));
        Self { spends: of(MAX_SPENDS_EACH), questions: of(MAX_QUESTIONS_EACH), reads: of(MAX_READS_EACH) }
    }
}

impl Shares {
    /// For the callers of a configuration.
    pub fn new(callers: &Callers) -> Self {
        Self {
            spends: Arc::new(Semaphore::new(MAX_SPENDS)),
            questions: Arc::new(Semaphore::new(MAX_QUESTIONS)),
            callers: callers.iter().map(|caller| (caller.name.clone(), Share::new())).collect(),
            others: Share::new(),
        }
    }

    /// A place for a payment, if there is one now.
    pub fn spend(&self, caller: &Name) -> Result<Place, Full> {
        let own = self.of(caller).spends.clone().try_acquire_owned().map_err(|_| Full::Own)?;
        let all = self.spends.clone().try_acquire_owned().map_err(|_| Full::All)?;
        Ok(Place { _own: Some(own), _all: Some(all) })
    }

    /// A place for a payment that somebody's decision lets go on, as soon as there is one.
    pub async fn spend_in_turn(&self, caller: &Name) -> Place {
        let own = self.of(caller).spends.clone().acquire_owned().await.ok();
        Place { _own: own, _all: self.spends.clone().acquire_owned().await.ok() }
    }

    /// A place for a question, as soon as there is one: the caller's own line first, so that whoever
    /// asks much waits for itself alone.
    pub async fn question(&self, caller: &Name) -> Place {
        let own = self.of(caller).questions.clone().acquire_owned().await.ok();
        Place { _own: own, _all: self.questions.clone().acquire_owned().await.ok() }
    }

    /// A place for reading a file, as soon as there is one.
    pub async fn read(&self, caller: &Name) -> Place {
        Place { _own: self.of(caller).reads.clone().acquire_owned().await.ok(), _all: None }
    }

    /// Waits until no payment is under way, and lets no other begin.
    pub async fn drained(&self) {
        let all = u32::try_from(MAX_SPENDS).unwrap_or(u32::MAX);
        if let Ok(all) = self.spends.acquire_many(all).await {
            all.forget();
        }
    }

    fn of(&self, caller: &Name) -> &Share {
        self.callers.get(caller).unwrap_or(&self.others)
    }
}

impl Full {
    /// What the caller is told.
    pub fn problem(self, caller: &Name) -> Problem {
        match self {
            Self::Own => Problem::too_many(format!(
                "{MAX_SPENDS_EACH} payments of {caller} are under way, and no caller may have more; wait for their answers, \
                 then try again with the same key"
            )),
            Self::All => Problem::later(
                "busy",
                "Too many requests are waiting",
                format!(
                    "{MAX_SPENDS} payments are under way, which are all that the agent works on at once, or it is stopping; try again \
                     in a second with the same key"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shares(callers: u32) -> Shares {
        let lines: String = (0..callers).map(|n| format!("[c{n}]\nuid = {n}\n")).collect();
        Shares::new(&Callers::of_text(&lines).unwrap())
    }

    fn name(n: u32) -> Name {
        format!("c{n}").parse().unwrap()
    }

    #[test]
    fn nobody_has_more_than_a_quarter_of_the_payments() {
        let shares = shares(5);
        let mut held = Vec::new();
        for caller in 0..4 {
            assert_eq!(held.len(), 128 * caller as usize, "of 512");
            held.extend((0..128).map(|_| shares.spend(&name(caller)).unwrap()));
            let full = shares.spend(&name(caller)).unwrap_err();
            assert_eq!(full, Full::Own, "what others have is not the matter");
        }
        assert_eq!(shares.spend(&name(4)).unwrap_err(), Full::All);
        held.pop();
        held.push(shares.spend(&name(4)).unwrap());
        assert_eq!(shares.spend(&name(4)).unwrap_err(), Full::All, "what was refused took no place");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_much_waits_for_itself_alone() {
        let shares = Arc::new(shares(3));
        let (one, two) = (name(0), name(1));
        let first = shares.question(&one).await;
        let waiting: Vec<_> = (0..9)
            .map(|_| {
                let (shares, one) = (shares.clone(), one.clone());
                tokio::spawn(async move { shares.question(&one).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let other = shares.question(&two).await;
        assert!(waiting.iter().all(|task| !task.is_finished()));
        drop((first, other));
        for task in waiting {
            drop(task.await.unwrap());
        }
    }

    #[tokio::test]
    async fn it_is_drained_when_the_last_payment_has_ended() {
        let shares = Arc::new(shares(1));
        let held = shares.spend(&name(0)).unwrap();
        let draining = tokio::spawn({
            let shares = shares.clone();
            async move { shares.drained().await }
        });
        tokio::task::yield_now().await;
        assert!(!draining.is_finished());
        drop(held);
        draining.await.unwrap();
        assert_eq!(shares.spend(&name(0)).unwrap_err(), Full::All);
    }
}
