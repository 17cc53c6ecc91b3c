//! The device's audit log: its entries, and the chain that they form.
//! <https://developers.yubico.com/YubiHSM2/Concepts/Logs.html>

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Bytes of a digest: SHA-256, cut off.
pub(super) const DIGEST: usize = 16;
/// A digest.
pub(super) type Hash = [u8; DIGEST];

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its number; after 65,535 comes 0.
    pub item: u16,
    pub command: u8,
    pub length: u16,
    pub session_key: u16,
    pub target_key: u16,
    pub second_key: u16,
    /// The command with its highest bit set, or an error: two readings, see [`readings`].
    pub results: [u8; 2],
    pub tick: u32,
    pub digest: Hash,
}

impl Entry {
    /// Does it follow an entry with this digest?
    pub fn follows(&self, previous: &Hash) -> bool {
        self.results.iter().any(|result| {
            let digest = Sha256::new().chain_update(self.bytes(*result)).chain_update(previous).finalize();
            digest[..DIGEST] == self.digest
        })
    }

    /// Is it the one that a factory reset writes? All its fields are ones.
    pub fn is_reset(&self) -> bool {
        self.item == 1 && self.command == u8::MAX && self.length == u16::MAX && self.tick == u32::MAX
    }

    /// As the device hashes it: 16 bytes, big-endian.
    fn bytes(&self, result: u8) -> [u8; 16] {
        let mut bytes = [0; 16];
        let fields = [
            self.item.to_be_bytes().as_slice(),
            &[self.command],
            &self.length.to_be_bytes(),
            &self.session_key.to_be_bytes(),
            &self.target_key.to_be_bytes(),
            &self.second_key.to_be_bytes(),
            &[result],
            &self.tick.to_be_bytes(),
        ]
        .concat();
        bytes.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        bytes
    }

    /// As a line of the file. The entry's 16 bytes are given, too, so that others can verify the chain.
    pub fn to_json(&self, serial: u32, previous: Option<&Hash>) -> Value {
        let confirmed = previous.and_then(|previous| {
            let digest =
                |result: u8| Sha256::new().chain_update(self.bytes(result)).chain_update(previous).finalize();
            self.results.into_iter().find(|result| digest(*result)[..DIGEST] == self.digest)
        });
        // A reset's entry has nothing before it; an answer to a command has its highest bit set.
        let guessed = if self.results[0] & 0x80 != 0 { self.results[0] } else { self.results[1] };
        let result = confirmed.unwrap_or(guessed);
        json!({
            "serial": serial, "item": self.item, "command": self.command, "length": self.length,
            "session_key": self.session_key, "target_key": self.target_key, "second_key": self.second_key,
            "result": result, "tick": self.tick,
            "entry": HEXLOWER.encode(&self.bytes(result)), "digest": HEXLOWER.encode(&self.digest),
        })
    }
}

/// What the device may have written where the crate read this code: it takes the device's error N for
/// 0x75 - N. The digest tells which it was.
pub(super) fn readings(code: u8) -> [u8; 2] {
    [code, 0x75_u8.wrapping_sub(code)]
}

/// Where the chain does not hold: what an operator should hear, once for each place.
pub(super) fn breaks(entries: &[Entry], previous: Option<&Hash>) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = previous.copied();
    for entry in entries {
        match before {
            Some(_) if entry.is_reset() => found.push(
                "the device was reset to its factory state: every key in it is gone, and what was logged before is not \
                 in the device any more"
                    .to_owned(),
            ),
            Some(before) if !entry.follows(&before) => found.push(format!(
                "entry {} does not follow the entry before it: entries are missing, since somebody else took them over, \
                 or the log was changed",
                entry.item
            )),
            _ => {}
        }
        before = Some(entry.digest);
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// An entry that follows.
    pub fn entry(item: u16, previous: &Hash) -> Entry {
        let mut entry = Entry {
            item,
            command: 0x6a,
            length: 66,
            session_key: 2,
            target_key: 7,
            second_key: u16::MAX,
            results: [0xea, 0x8b],
            tick: 1000 + u32::from(item),
            digest: [0; DIGEST],
        };
        let digest = Sha256::new().chain_update(entry.bytes(0xea)).chain_update(previous).finalize();
        entry.digest.copy_from_slice(&digest[..DIGEST]);
        entry
    }

    /// Entries that follow each other.
    pub fn chain(first: u16, count: u16, mut previous: Hash) -> Vec<Entry> {
        (first..first + count)
            .map(|item| {
                let next = entry(item, &previous);
                previous = next.digest;
                next
            })
            .collect()
    }

    /// Three entries of a device, by Yubico's description of the log.
    #[test]
    fn what_is_missing_or_changed_breaks_the_chain() {
        let whole = chain(3, 5, [9; DIGEST]);
        assert_eq!(breaks(&whole, Some(&[9; DIGEST])), Vec::<String>::new());
        assert_eq!(breaks(&whole, None), Vec::<String>::new(), "the first one is taken as it is");
        assert_eq!(breaks(&whole, Some(&[8; DIGEST])).len(), 1);
        let mut missing = whole.clone();
        missing.remove(2);
        assert!(breaks(&missing, None)[0].contains("entry 6"));
        let mut changed = whole.clone();
        changed[1].target_key = 8;
        assert!(breaks(&changed, None)[0].contains("entry 4"));
    }
}
