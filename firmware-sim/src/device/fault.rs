//! What can be made wrong with a device from outside.

use std::time::Duration;

use super::Device;
use crate::audit::{Event, NO_KEY};
use crate::command::Command;
use crate::error::Code;
use crate::memory::FACTORY_KEY;

impl Device {
    /// Takes every place for a session; they are free again after 30 s of silence.
    pub(crate) fn fill_sessions(&mut self, now: Duration) {
        self.sessions.expire(now);
        self.sessions.fill(now);
    }

    /// Switches force-audit on and fills the log, with requests for random numbers that nobody made.
    pub(crate) fn fill_log(&mut self, now: Duration) -> Result<(), Code> {
        let tick = self.tick(now);
        let memory = self.memory.change();
        memory.options.force_audit();
        let command = Command::GetPseudoRandom.byte();
        while !memory.log.is_full() {
            memory.log.append(&Event {
                command,
                length: 2,
                session_key: FACTORY_KEY,
                target_key: NO_KEY,
                second_key: NO_KEY,
                result: command | 0x80,
                tick,
            });
        }
        self.memory.commit(&mut self.flash).map_err(|_| Code::StorageFailed)
    }

    /// Every write of the flash fails from now on.
    pub(crate) fn fill_flash(&mut self) {
        self.flash.fill();
    }

    /// Writes of the flash succeed again.
    pub(crate) fn free_flash(&mut self) {
        self.flash.free();
    }

    /// The power goes in the middle of the next write.
    pub(crate) fn cut_power(&mut self) {
        self.flash.cut_power();
    }

    /// Has the power gone since this was last asked? Then nothing was answered, and it must start again.
    pub(crate) fn lost_power(&mut self) -> bool {
        self.flash.lost_power()
    }

    /// So many signing commands give a wrong signature from now on.
    pub(crate) fn corrupt_signatures(&mut self, times: u32) {
        self.wrong_signatures = times;
    }

    /// Makes a signature wrong, if that was asked for: its last bit flips, which leaves each format valid.
    pub(super) fn corrupt(&mut self, command: Command, outcome: &mut Result<Vec<u8>, Code>) {
        let (Some(left), Ok(signature)) = (self.wrong_signatures.checked_sub(1), outcome) else { return };
        if let (true, Some(last)) = (signs(command), signature.last_mut()) {
            *last ^= 1;
            self.wrong_signatures = left;
        }
    }
}

/// Is the answer of this command a signature, or something that ends with one?
fn signs(command: Command) -> bool {
    use Command::{
        SignAttestationCertificate, SignEcdsa, SignEddsa, SignHmac, SignPkcs1, SignPss, SignSshCertificate,
    };
    matches!(
        command,
        SignAttestationCertificate
            | SignEcdsa
            | SignEddsa
            | SignHmac
            | SignPkcs1
            | SignPss
            | SignSshCertificate
    )
}
