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
//!
//! # What is not as in the hardware
//!
//! Left out:
//! - USB, and the connector's TLS: there is HTTP alone. The light does not blink.
//! - The reset by touching the device while it is plugged in. Move the state file away instead: nothing else opens a
//!   device whose last authentication key is gone.
//! - Anything that keeps a secret from who has the machine. Keys are in memory and in the state file in the clear, and
//!   RSA and the brainpool curves do not take the same time for every key.
//! - The FIPS mode beyond its option, what it switches off, and when it begins: no self-tests, no demand on
//!   passwords, domains or capabilities.
//! - The demo mode, and the errors `CommandUnexecuted` and `DemoMode`.
//! - Differences of firmware versions other than those at `Firmware`, and bugs of any.
//! - Wear of the flash, and how long it is busy after a write.
//!
//! Different, and known to be:
//! - The factory's attestation key is of this device alone and its certificate is signed by itself. On the hardware a
//!   chain leads to Yubico's root, so that attestations of a simulated device never pass for one of the hardware.
//! - The serial number is the same for every new device unless one is given.
//! - The connector's version ends in `-sim`, and its status tells no serial number.
//! - What came wrapped must be a key that can be used: an Ed25519 key's public half is checked against its scalar.
//!
//! Guesses, where neither the vendor's documentation nor its clients and their tests say:
//! - Which of several errors is answered when several things are wrong, and the code for data that is too short,
//!   too long or more than an answer can carry (`WrongLength`, or `InvalidData` for a count).
//! - A filter that is there twice in ListObjects: an object must fit both.
//! - The bounds of an SSH template: their order and which of them are inclusive, after one test of the vendor's.
//! - The audit log's clock has a hundred ticks in a second and stands still at its end; an asymmetric session that the
//!   full log has no room for is not counted; numbers of entries go on from 0 after 0xffff.
//! - Sequence numbers go on from 0 after 255, and outlive the object but not a reset.
//! - A session that sends a wrong MAC ends. One outlives the deletion of its authentication key, with what that
//!   could. A message of a session counts as its use before its MAC is checked.
//! - `timing`: what the vendor published is taken over and drawn out to other lengths; the curves, AES sizes, key
//!   generation and plain commands that it is silent about are estimates. Writes take nothing extra.
//! - Wrapped objects: where the seed of an Ed25519 key stands, that wrap-data encrypts the algorithm before the data,
//!   which algorithm an object wrapped with RSA names first, and that an import looks at what the object may do and
//!   not at what it passes on.
//! - Attestation: the type of the FIPS extension.
//! - Signing with PKCS #1: data of no digest's length is padded as it is.
//! - Ids that the device chooses are random.

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
