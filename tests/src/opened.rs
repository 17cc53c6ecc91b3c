//! Files opened by the code that the agent opens them with, but without a token or a process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bursar::book::{Book, Options};
use bursar::clock::{Tolerance, Watch};
use bursar::ledger::embedded::Embedded;
use bursar_core::policy::Policy;

/// Opens and closes the book of this folder, judged by this bundle; what the refusal says.
pub fn book(home: &Path, bundle: &str) -> Result<(), String> {
    let forever = Tolerance { running: Duration::MAX, restarted: Duration::MAX };
    let options = Options {
        home: home.to_owned(),
        id: None,
        policy: Some(Arc::new(Policy::parse(bundle).expect("a policy"))),
        requesters: None,
        watch: Arc::new(Watch::new(forever)),
        progress: |_| (),
    };
    Book::open(options).map(drop).map_err(|error| error.to_string())
}

/// Opens and closes the ledger of this folder; what the refusal says.
pub fn ledger(home: &Path) -> Result<(), String> {
    let clock = Arc::new(bursar::clock::wall);
    Embedded::open(home, &home.join("genesis.json"), clock).map(drop).map_err(|error| error.to_string())
}
