//! The audit log: 62 entries, each chained to the one before.
//!
//! Source: <https://docs.yubico.com/hardware/yubihsm-2/hsm-2-user-guide/hsm2-core-concepts.html>, Logs.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex_bytes;

/// Entries at most.
pub const ENTRIES: usize = 62;
/// Stands for no key.
pub const NO_KEY: u16 = 0xffff;

/// What happened, before it has its number and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The command.
    pub command: u8,
    /// Bytes of its data.
    pub length: u16,
    /// The authentication key of the session.
    pub session_key: u16,
    /// The object that it was about.
    pub target_key: u16,
    /// Another one.
    pub second_key: u16,
    /// The command byte of the answer, or the code of the error.
    pub result: u8,
    /// Time since the start, in ticks.
    pub tick: u32,
}

/// An entry: 32 bytes, in this order, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry(#[serde(with = "hex_bytes")] [u8; 32]);

impl Entry {
    /// `data` is the first half; the digest is chained to the one of the entry before.
    fn new(data: [u8; 16], previous: [u8; 16]) -> Self {
        let hash = Sha256::new().chain_update(data).chain_update(previous).finalize();
        let mut bytes = [0; 32];
        let (first, second) = bytes.split_at_mut(16);
        first.copy_from_slice(&data);
        second.copy_from_slice(hash.split_at(16).0);
        Self(bytes)
    }

    fn number(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    fn digest(&self) -> [u8; 16] {
        let mut digest = [0; 16];
        digest.copy_from_slice(self.0.split_at(16).1);
        digest
    }
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    entries: VecDeque<Entry>,
    /// The last entry, also when it is no longer kept.
    last: Entry,
    unlogged_boots: u16,
    unlogged_authentications: u16,
}

impl Log {
    /// The log of a device that was reset: the first entry is all ff, chained to `seed`.
    pub fn new(seed: [u8; 16]) -> Self {
        let mut data = [0xff; 16];
        data[..2].copy_from_slice(&1u16.to_be_bytes());
        let first = Entry::new(data, seed);
        Self { entries: VecDeque::from([first]), last: first, unlogged_boots: 0, unlogged_authentications: 0 }
    }

    /// Is it one that a device could have: no entry too many, each chained to the one before?
    pub fn is_whole(&self) -> bool {
        let pairs = self.entries.iter().zip(self.entries.iter().skip(1));
        let mut chained = pairs.map(|(before, entry)| {
            let data = entry.0.first_chunk().is_some_and(|data| Entry::new(*data, before.digest()) == *entry);
            data && entry.number() == before.number().wrapping_add(1)
        });
        let last = self.entries.back().is_none_or(|entry| *entry == self.last);
        self.entries.len() <= ENTRIES && last && chained.all(|chained| chained)
    }

    /// Is there no room for another entry?
    pub fn is_full(&self) -> bool {
        self.entries.len() >= ENTRIES
    }

    /// Entries that are kept.
    pub fn used(&self) -> u8 {
        u8::try_from(self.entries.len()).unwrap_or(u8::MAX)
    }

    /// Writes an event down. A full log forgets its oldest entry for it.
    pub fn append(&mut self, event: &Event) {
        while self.is_full() {
            self.entries.pop_front();
        }
        let mut data = [0; 16];
        let fields = self.last.number().wrapping_add(1).to_be_bytes().into_iter();
        let fields = fields.chain([event.command]).chain(event.length.to_be_bytes());
        let fields = fields.chain(event.session_key.to_be_bytes()).chain(event.target_key.to_be_bytes());
        let fields = fields.chain(event.second_key.to_be_bytes()).chain([event.result]);
        let fields = fields.chain(event.tick.to_be_bytes());
        data.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        self.last = Entry::new(data, self.last.digest());
        self.entries.push_back(self.last);
    }

    /// Counts a start for which a full log that must be kept has no room.
    pub fn count_boot(&mut self) {
        self.unlogged_boots = self.unlogged_boots.saturating_add(1);
    }

    /// Counts an authentication for which a full log that must be kept has no room.
    pub fn count_authentication(&mut self) {
        self.unlogged_authentications = self.unlogged_authentications.saturating_add(1);
    }

    /// Forgets every entry up to this number; answers whether there is one.
    pub fn forget(&mut self, number: u16) -> bool {
        let Some(at) = self.entries.iter().position(|entry| entry.number() == number) else { return false };
        self.entries.drain(..=at);
        (self.unlogged_boots, self.unlogged_authentications) = (0, 0);
        true
    }

    /// Unlogged starts (2 bytes), unlogged authentications (2), how many entries (1), the entries.
    pub fn read(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(5 + self.entries.len() * 32);
        bytes.extend(self.unlogged_boots.to_be_bytes());
        bytes.extend(self.unlogged_authentications.to_be_bytes());
        bytes.push(self.used());
        self.entries.iter().for_each(|entry| bytes.extend(entry.0));
        bytes
    }
}
