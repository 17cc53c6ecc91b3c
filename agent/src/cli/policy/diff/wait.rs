//! Says that something takes a while.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

/// Longer than this, and people would wonder.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does the work; on a terminal it says so if that takes more than a second.
pub fn noting<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let (done, ends) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if ends.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Draws to standard error, and nothing where that is no terminal.
                let bar = ProgressBar::new_spinner().with_message(what);
                bar.enable_steady_tick(Duration::from_millis(100));
                let _ = ends.recv();
                bar.finish_and_clear();
            }
        });
        let answer = work();
        drop(done);
        answer
    })
}
