//! What an open token says of itself.

use serde::{Deserialize, Serialize};

/// What an open token says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its name for people.
    pub label: String,
    /// What kind of device it is.
    pub kind: Device,
    /// Maker's name of the device; for a PKCS#11 token maker and model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Version of its firmware, where it says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// Is it a program that behaves like a device? Its keys are then as safe as its memory and its
    /// files, which is not at all. SoftHSM does not say so of itself and counts as no simulator here.
    pub simulator: bool,
}

/// The kinds of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// Behind a PKCS#11 module.
    Pkcs11,
    /// A YubiHSM 2 behind its connector.
    YubiHsm,
}

impl About {
    /// In one line: what it is, its serial number, its firmware.
    pub fn line(&self) -> String {
        let firmware = self.firmware.as_ref().map(|version| format!(", firmware {version}"));
        let simulator = if self.simulator { "; SIMULATOR, its keys are not safe" } else { "" };
        format!("{}, serial {}{}{simulator}", self.model, self.serial, firmware.unwrap_or_default())
    }
}
