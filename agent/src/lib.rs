//! Bursar: signs only what a spend policy allows, with keys that stay in a token.
//!
//! Start reading at [`spend::spend`]: the whole story in one function.
//!
//! # Code map
//! | module | noun |
//! |---|---|
//! | [`spend`] | from a request to a record |
//! | [`book`] | judges and reserves in one atomic step; remembers every decision |
//! | [`token`] | the only place where anything is signed |
//! | [`ledger`] | where signed payments go |
//! | [`agent`], [`serve`], [`config`] | everything a home folder names, opened and running |
//! | [`http`] | the API on a Unix socket, and on TCP for callers with a certificate |
//! | [`caller`], [`tls`], [`remote`], [`socket`] | who asks, and how both ends of a connection are known |
//! | [`cli`] | one file per command |
//! | [`store`] | one SQLite file, one writer, many commands in one durable commit |
//! | [`anchor`], [`clock`], [`harden`], [`turns`] | rollback, time, memory, order |
//!
//! Imports go one way: `cli, http -> spend -> book, token, ledger -> store -> bursar-core`.
//!
//! # Invariants: what is deliberately absent
//! - No call signs bytes or a hash. An account key signs what a [`book::Reserved`] carries, any
//!   other key a [`token::role::Statement`] of its own role.
//! - Nothing is signed before the decision is durable; nothing leaves before the signature is.
//! - No second attempt with a PIN that was refused.
//! - No retry builds a payment again: it sends the stored bytes.
//! - No `unsafe`; only the crate `bursar-pkcs11` has some, and only [`token`] imports that, `yubihsm`, or the simulated device.

pub mod agent;
pub mod anchor;
pub mod book;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod durable;
pub mod harden;
pub mod http;
pub mod keys_file;
pub mod ledger;
pub mod own_requests;
pub mod remote;
pub mod serve;
pub mod setup;
pub mod socket;
pub mod spend;
pub mod store;
pub mod tls;
pub mod token;
pub mod turns;
