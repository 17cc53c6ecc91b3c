//! The harness: starts real parts in throw-away folders, and stops them.
//!
//! | module | noun |
//! |---|---|
//! | [`world`] | a home folder with a SoftHSM token, and the programs that work on it |
//! | [`daemon`] | a running agent |
//! | [`api`] | HTTP over its Unix socket |
//! | [`clock`] | a wall clock that a test turns |
//! | [`patience`] | waiting for what the kernel tells |
//! | [`person`] | somebody with a key who decides |
//! | [`policy`] | policy bundles and recipients for tests |
//! | [`files`] | the files of a home, read with plain SQLite |
//! | [`guest`] | a client with a certificate: OpenSSL makes it, curl shows it |
//! | [`home`] | a home folder that the program's own commands make |
//! | [`hsm`] | a simulated YubiHSM 2 that takes the hardware's time, and a home on it |
//! | [`imposter`] | somebody who answers in an agent's place |
//! | [`manager`] | a person with a token and a home of their own |
//! | [`merkle`] | the tree of RFC 6962 |
//! | [`opened`] | the same files opened by the agent's code |
//! | [`spec`] | what a home folder is to be |
//! | [`wal`] | the write-ahead log of SQLite |

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

pub mod api;
pub mod clock;
pub mod daemon;
pub mod files;
pub mod guest;
pub mod home;
pub mod hsm;
pub mod imposter;
pub mod manager;
pub mod merkle;
pub mod opened;
pub mod patience;
pub mod person;
pub mod policy;
pub mod spec;
pub mod wal;
pub mod world;

/// The programs under test; known to Cargo only where a test is compiled.
#[macro_export]
macro_rules! programs {
    () => {
        $crate::world::Programs {
            bursar: env!("CARGO_BIN_EXE_bursar-tested").into(),
            testhome: env!("CARGO_BIN_EXE_bursar-testhome").into(),
        }
    };
}
