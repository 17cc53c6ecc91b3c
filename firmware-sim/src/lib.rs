//! A YubiHSM 2 in software, for tests: what real clients send over the connector's HTTP protocol is
//! answered as the hardware would. It knows nothing of the agent, and keeps nobody's keys safe.
//!
//! Where to find what:
//! - [`device`]: messages in, answers out; pure but for the [`Flash`] and the random numbers it is given
//! - `command` and one file for each command below it; `context` is what they run in
//! - `session`: secure channels; `frame`, `reader`: bytes
//! - [`simulator`]: starts one; `http` speaks the connector's protocol, `unit` is the device's thread
//! - [`fault`]: what can be made wrong; [`control`]: lets it happen; [`timing`]: how long the hardware takes
//! - [`memory`], [`store`], [`object`], [`audit`], [`options`]: what outlives a loss of power, in the file of [`state`]
//!
//! What is deliberately absent: a client. The oracle is always somebody else's.

pub mod algorithm;
pub mod audit;
pub mod capability;
mod ccm;
mod command;
mod context;
pub mod control;
pub mod device;
pub mod domain;
pub mod error;
pub mod fault;
mod faulty_flash;
pub mod firmware;
mod frame;
mod hex_bytes;
mod http;
mod kept;
mod kwp;
pub mod memory;
pub mod object;
pub mod options;
pub mod profile;
mod reader;
mod session;
pub mod simulator;
pub mod state;
pub mod store;
pub mod timing;
mod unit;
mod wrapped;

pub use kept::{Flash, NoFlash};
