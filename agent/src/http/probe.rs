//! Does the token answer? Everybody who asks at the same time hears one answer: a device that hangs
//! has one question waiting at it, and nobody waits long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::error::Problem;
use crate::token::{Token, TokenError};

/// The device may hang; the answer may not.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the token said; nothing yet while it is asked.
type Said = Option<Result<(), Arc<TokenError>>>;

/// Asks a token how it is.
#[derive(Clone)]
pub struct Probe {
    token: Token,
    /// The question under way; the end of its channel is the end of it.
    under_way: Arc<Mutex<Option<watch::Receiver<Said>>>>,
}

impl Probe {
    /// Of this token.
    pub fn new(token: Token) -> Self {
        Self { token, under_way: Arc::default() }
    }

    /// Is the device there?
    pub async fn ask(&self) -> Result<(), Problem> {
        let token = self.token.clone();
        let mut answer = join(&self.under_way, move || async move { token.check().await });
        let said = tokio::time::timeout(PATIENCE, answer.wait_for(Option::is_some)).await;
        match said.map(|said| said.ok().and_then(|said| said.clone())) {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(error))) => Err(away(error.to_string())),
            Ok(None) | Err(_) => Err(away(format!(
                "the token has not answered for {} s; look at the device, then start the agent again",
                PATIENCE.as_secs()
            ))),
        }
    }
}

fn away(detail: String) -> Problem {
    Problem::later("token", "The token does not answer", detail)
}

/// The question that is under way, or a new one, which goes on whoever stops waiting for it.
fn join<F: Future<Output = Result<(), TokenError>> + Send + 'static>(
    under_way: &Arc<Mutex<Option<watch::Receiver<Said>>>>,
    ask: impl FnOnce() -> F,
) -> watch::Receiver<Said> {
    let mut slot = under_way.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(waiting) = slot.as_ref().filter(|waiting| waiting.has_changed().is_ok()) {
        return waiting.clone();
    }
    let (tell, answer) = watch::channel(None);
    *slot = Some(answer.clone());
    let question = ask();
    tokio::spawn(async move {
        let said = question.await.map_err(Arc::new);
        let _ = tell.send(Some(said));
    });
    answer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn whoever_asks_meanwhile_joins_the_question_that_is_under_way() {
        let (slot, hangs, asked) =
            (Arc::default(), Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let (hangs, asked) = (hangs.clone(), asked.clone());
            join(&slot, move || {
                asked.fetch_add(1, Ordering::SeqCst);
                async move {
                    hangs.acquire().await.unwrap().forget();
                    Ok(())
                }
            })
        };
        let mut waiting: Vec<_> = (0..100).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        hangs.add_permits(1);
        for answer in &mut waiting {
            let said = answer.wait_for(Option::is_some).await.unwrap();
            assert!(matches!(&*said, Some(Ok(()))));
        }
        // An old answer is no answer.
        while slot
            .lock()
            .unwrap()
            .as_ref()
            .is_some_and(|old: &watch::Receiver<Said>| old.has_changed().is_ok())
        {
            tokio::task::yield_now().await;
        }
        let mut next = ask();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        hangs.add_permits(1);
        assert!(next.wait_for(Option::is_some).await.is_ok());
    }
}
