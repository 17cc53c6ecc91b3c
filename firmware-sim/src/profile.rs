//! Which device is simulated.

use serde::{Deserialize, Serialize};

use crate::firmware::Firmware;

/// Which device is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its firmware.
    pub firmware: Firmware,
    /// Its serial number.
    pub serial: u32,
    /// Is it one of those that have a FIPS mode?
    pub fips: bool,
}

impl Profile {
    /// What it is called on the second page of its information, so that nobody takes it for a device.
    pub const PART_NUMBER: &str = "SIMULATOR";
}

impl Default for Profile {
    /// The newest firmware with a FIPS mode, because clients' tests ask it for the most.
    fn default() -> Self {
        Self { firmware: Firmware::V2_5, serial: 7_550_054, fips: true }
    }
}
