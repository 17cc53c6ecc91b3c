//! The device's options: what is audited, which algorithms are on, the FIPS mode.
//!
//! Source: <https://docs.yubico.com/hardware/yubihsm-2/hsm-2-user-guide/hsm2-core-concepts.html>, Options.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::command::Command;
use crate::error::Code;
use crate::firmware::Firmware;

/// Whether something is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum Audit {
    Off = 0,
    On = 1,
    /// On until the device is reset.
    Fixed = 2,
}

impl Audit {
    /// Sets it, unless it is fixed.
    fn set(&mut self, byte: u8) -> Result<(), Code> {
        let new = match byte {
            0 => Self::Off,
            1 => Self::On,
            2 => Self::Fixed,
            _ => return Err(Code::InvalidData),
        };
        if *self == Self::Fixed && new != Self::Fixed {
            return Err(Code::InvalidData);
        }
        *self = new;
        Ok(())
    }
}

/// The FIPS mode. From 2.4 it is pending until the factory's authentication key is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum Fips {
    Off = 0,
    On = 1,
    Pending = 3,
}

/// What FIPS mode switches off, up to 2.3 and from 2.4.
const NOT_FIPS: [&[Algorithm]; 2] = [
    &[Algorithm::RsaPkcs1Sha1, Algorithm::RsaPssSha1, Algorithm::EcdsaSha1, Algorithm::Ed25519],
    &[
        Algorithm::RsaPkcs1Sha1,
        Algorithm::RsaPssSha1,
        Algorithm::EcK256,
        Algorithm::EcdsaSha1,
        Algorithm::RsaPkcs1Decrypt,
    ],
];

/// Every option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    force: Audit,
    commands: BTreeMap<u8, Audit>,
    disabled: BTreeSet<Algorithm>,
    fips: Fips,
}

impl Options {
    /// As the factory leaves them.
    pub fn new(firmware: Firmware) -> Self {
        let audit = if firmware < Firmware::V2_3_1 { Audit::On } else { Audit::Off };
        let audit = |command: Command| if command.is_loggable() { audit } else { Audit::Off };
        Self {
            force: Audit::Off,
            commands: Command::known(firmware).map(|command| (command.byte(), audit(command))).collect(),
            disabled: BTreeSet::new(),
            fips: Fips::Off,
        }
    }

    /// Must the log be kept, even if nothing more can be done then?
    pub fn forces_audit(&self) -> bool {
        self.force != Audit::Off
    }

    /// The log must be kept from now on, until that is switched off.
    pub(crate) fn force_audit(&mut self) {
        if self.force == Audit::Off {
            self.force = Audit::On;
        }
    }

    /// Is this command written into the log?
    pub fn audits(&self, command: u8) -> bool {
        self.commands.get(&command).is_some_and(|audit| *audit != Audit::Off)
    }

    /// Is this algorithm on?
    pub fn enables(&self, algorithm: Algorithm) -> bool {
        !self.disabled.contains(&algorithm)
    }

    /// Is the device in FIPS mode, now or as soon as the factory's key is gone?
    pub fn is_fips(&self) -> bool {
        self.fips != Fips::Off
    }

    /// Is it in FIPS mode now?
    pub(crate) fn is_fips_approved(&self) -> bool {
        self.fips == Fips::On
    }

    /// FIPS mode begins once the factory's authentication key is gone.
    pub fn factory_key_gone(&mut self) {
        if self.fips == Fips::Pending {
            self.fips = Fips::On;
        }
    }

    /// The value of an option.
    pub fn get(&self, option: u8, firmware: Firmware, fips: bool) -> Result<Vec<u8>, Code> {
        match option {
            1 => Ok(vec![self.force as u8]),
            3 => Ok(self.commands.iter().flat_map(|(command, audit)| [*command, *audit as u8]).collect()),
            4 if firmware >= Firmware::V2_2 => Ok(Algorithm::known(firmware)
                .flat_map(|algorithm| [algorithm.byte(), u8::from(self.enables(algorithm))])
                .collect()),
            5 if fips => Ok(vec![self.fips as u8]),
            _ => Err(Code::InvalidData),
        }
    }

    /// Sets an option. `fresh` says that nothing but the factory's authentication key is there.
    pub fn set(
        &mut self,
        option: u8,
        value: &[u8],
        firmware: Firmware,
        fips: bool,
        fresh: bool,
    ) -> Result<(), Code> {
        let mut new = self.clone();
        match (option, value) {
            (1, [byte]) => new.force.set(*byte)?,
            (3, pairs) => new.set_commands(pairs)?,
            (4, pairs) if firmware >= Firmware::V2_2 => new.set_algorithms(pairs, firmware, fresh)?,
            (5, [byte]) if fips => new.set_fips(*byte, firmware, fresh)?,
            (1, _) => return Err(Code::WrongLength),
            (5, _) if fips => return Err(Code::WrongLength),
            _ => return Err(Code::InvalidData),
        }
        *self = new;
        Ok(())
    }

    fn set_commands(&mut self, pairs: &[u8]) -> Result<(), Code> {
        for &[command, value] in as_pairs(pairs)? {
            self.commands.get_mut(&command).ok_or(Code::InvalidData)?.set(value)?;
        }
        Ok(())
    }

    fn set_algorithms(&mut self, pairs: &[u8], firmware: Firmware, fresh: bool) -> Result<(), Code> {
        if !fresh {
            return Err(Code::InvalidData);
        }
        for &[algorithm, on] in as_pairs(pairs)? {
            let algorithm = Algorithm::try_from(algorithm)?;
            match on {
                0 => self.disabled.insert(algorithm),
                1 if self.is_fips() && not_fips(firmware).contains(&algorithm) => {
                    // Up to 2.3 it ends the mode; from 2.4 it is refused.
                    if firmware >= Firmware::V2_4 {
                        return Err(Code::InvalidData);
                    }
                    self.fips = Fips::Off;
                    self.disabled.remove(&algorithm)
                }
                1 => self.disabled.remove(&algorithm),
                _ => return Err(Code::InvalidData),
            };
        }
        Ok(())
    }

    fn set_fips(&mut self, byte: u8, firmware: Firmware, fresh: bool) -> Result<(), Code> {
        if !fresh {
            return Err(Code::InvalidData);
        }
        self.fips = match byte {
            0 => Fips::Off,
            1 if firmware >= Firmware::V2_4 => Fips::Pending,
            1 => Fips::On,
            _ => return Err(Code::InvalidData),
        };
        for algorithm in not_fips(firmware) {
            if byte == 1 {
                self.disabled.insert(*algorithm);
            } else {
                self.disabled.remove(algorithm);
            }
        }
        Ok(())
    }
}

fn as_pairs(bytes: &[u8]) -> Result<&[[u8; 2]], Code> {
    let (pairs, rest) = bytes.as_chunks();
    if rest.is_empty() { Ok(pairs) } else { Err(Code::WrongLength) }
}

fn not_fips(firmware: Firmware) -> &'static [Algorithm] {
    NOT_FIPS[usize::from(firmware >= Firmware::V2_4)]
}
