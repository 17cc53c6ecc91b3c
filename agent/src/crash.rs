//! Named points at which a test kills the process, to show that it can be started again.

/// With the feature `failpoints` and `FAILPOINTS=NAME=return` in the environment: SIGKILL, here
/// and now. In an ordinary build: nothing.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "failpoints")]
    if reached(name) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more may happen in this thread.
        loop {
            std::thread::park();
        }
    }
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

#[cfg(feature = "failpoints")]
fn reached(name: &'static str) -> bool {
    fail::fail_point!(name, |_| true);
    false
}
