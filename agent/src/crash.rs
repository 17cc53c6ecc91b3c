//! Named points at which a test kills the process, holds it, or has a step fail, to show that it goes
//! on as it should. In an ordinary build: nothing.

/// With the feature `failpoints` and `FAILPOINTS=NAME=return` in the environment: SIGKILL, here
/// and now.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "failpoints")]
    if fails(name) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more may happen in this thread.
        loop {
            std::thread::park();
        }
    }
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

/// With the feature and `NAME=return`: yes, this step fails.
#[inline]
pub fn fails(name: &'static str) -> bool {
    #[cfg(feature = "failpoints")]
    fail::fail_point!(name, |_| true);
    let _ = name;
    false
}

/// With the feature and `NAME=return(FILE)`: goes on when there is such a file.
#[inline]
pub async fn gate(name: &'static str) {
    #[cfg(feature = "failpoints")]
    {
        let file = || {
            fail::fail_point!(name, |file| file);
            None
        };
        if let Some(file) = file() {
            while !std::path::Path::new(&file).exists() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    }
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}
