//! A PKCS#11 client that knows nothing of what it signs.
//!
//! [`Module`] is a loaded library, [`Token`] an opened token with a fixed pool of worker threads, one
//! session each, and [`Key`] a private key on it. Jobs go through a bounded queue and answer as
//! [`Pending`], to be awaited in any runtime or waited for on a thread.
//!
//! # Code map
//! | file | noun |
//! |---|---|
//! | `module.rs`, `module/*` | the library: load, list, initialise, refresh; the gate that keeps others out |
//! | `uri.rs`, `pin.rs`, `algorithm.rs`, `key.rs`, `public.rs` | what callers name and hold |
//! | `token.rs` | the operations; `op/*` one file each |
//! | `pool.rs`, `pool/*` | queue, workers, watchdog, and a worker's session with its key handles |
//! | `pending.rs` | an answer on its way |
//! | `quirk.rs`, `quirk/*` | every difference between vendors |
//! | `raw.rs` | the `unsafe` calls |
//!
//! # Invariants
//! - No signature leaves without a check that the caller's own verifier passed; nothing skips it.
//! - No session is closed while a call into the module is running on another thread.
//! - A PIN is tried once. A refused PIN is never tried again, a final try never taken.
//! - A key is found by id **and** public key; two that match are an error, never a choice.
//! - No handle, PIN or private part is ever printed.
#![deny(unsafe_code)]

mod algorithm;
#[cfg(feature = "bench")]
pub mod bare;
mod error;
#[cfg(feature = "fixture")]
pub mod fixture;
mod key;
mod module;
mod op;
mod pending;
mod pin;
mod pool;
mod public;
mod quirk;
mod raw;
mod token;
mod uri;

pub use algorithm::{Algorithm, Usage};
pub use error::Error;
pub use key::{Key, NewKey, RawSignature};
pub use module::info::{PinFlags, TokenInfo};
pub use module::{Module, ModuleOptions};
pub use pending::Pending;
pub use pin::Pin;
pub use pool::{PoolOptions, PoolState};
pub use public::PublicKey;
pub use token::Token;
pub use uri::{KeyUri, TokenUri};
