//! Where the device's numbers end: log, sequences, ids, room, sizes. Each answer is what the vendor's documentation
//! says, or its error; frames are written out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::time::Duration;

use firmware_sim::NoFlash;
use firmware_sim::device::Device;
use firmware_sim::memory::{FACTORY_KEY, Memory};
use firmware_sim::profile::Profile;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sha2::{Digest, Sha256};

const INVALID_DATA: u8 = 0x02;
const STORAGE_FAILED: u8 = 0x07;
const WRONG_LENGTH: u8 = 0x08;
const LOG_FULL: u8 = 0x0a;
const NOT_FOUND: u8 = 0x0b;
const INVALID_ID: u8 = 0x0c;

const CLOSE: u8 = 0x40;
const STORAGE: u8 = 0x41;
const PUT_OPAQUE: u8 = 0x42;
const LIST: u8 = 0x48;
const LOG: u8 = 0x4d;
const INFO: u8 = 0x4e;
const SET_OPTION: u8 = 0x4f;
const GET_OPTION: u8 = 0x50;
const RANDOM: u8 = 0x51;
const DELETE: u8 = 0x58;
const SET_LOG_INDEX: u8 = 0x67;

struct Inside {
    device: Device,
    now: Duration,
}

impl Inside {
    fn new() -> Self {
        let (profile, mut rng) = (Profile::default(), UnwrapErr(SysRng));
        let memory = Memory::new(profile.firmware, &mut rng).unwrap();
        let device =
            Device::start(profile, memory, Box::new(NoFlash), Box::new(rng), Duration::ZERO).unwrap();
        Self { device, now: Duration::ZERO }
    }

    /// One whose log has every request for random numbers.
    fn audited() -> Self {
        let mut device = Self::new();
        assert_eq!(device.ask(SET_OPTION, &[3, 0, 2, RANDOM, 1]), Ok(vec![]));
        device
    }

    /// The answer's data, or the error.
    fn ask(&mut self, command: u8, data: &[u8]) -> Result<Vec<u8>, u8> {
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        let frame = [&[command], &length[..], data].concat();
        let answer = self.device.inside(FACTORY_KEY, &frame, self.now);
        let (&[kind, high, low], data) = answer.split_first_chunk().unwrap();
        assert_eq!(usize::from(u16::from_be_bytes([high, low])), data.len());
        if kind == 0x7f {
            return Err(data[0]);
        }
        assert_eq!(kind, command | 0x80);
        Ok(data.to_vec())
    }

    fn put(&mut self, id: u16, length: usize) -> Result<u16, u8> {
        let fields = new(id, 30, &vec![7; length]);
        self.ask(PUT_OPAQUE, &fields).map(|id| u16::from_be_bytes(id.try_into().unwrap()))
    }

    fn delete(&mut self, id: u16) -> Result<Vec<u8>, u8> {
        let [high, low] = id.to_be_bytes();
        self.ask(DELETE, &[high, low, 1])
    }

    /// Free records and free pages.
    fn free(&mut self) -> (u16, u16) {
        let fields = self.ask(STORAGE, &[]).unwrap();
        (u16::from_be_bytes([fields[2], fields[3]]), u16::from_be_bytes([fields[6], fields[7]]))
    }

    /// The entries of the log, of which each must be chained to the one before.
    fn entries(&mut self) -> Vec<[u8; 32]> {
        let log = self.ask(LOG, &[]).unwrap();
        let entries = log[5..].as_chunks::<32>().0.to_vec();
        assert_eq!(log.len(), 5 + usize::from(log[4]) * 32);
        for pair in entries.windows(2) {
            let digest = Sha256::new().chain_update(&pair[1][..16]).chain_update(&pair[0][16..]).finalize();
            assert_eq!(pair[1][16..], digest[..16]);
            assert_eq!(number(&pair[1]), number(&pair[0]).wrapping_add(1));
        }
        entries
    }
}

fn number(entry: &[u8; 32]) -> u16 {
    u16::from_be_bytes([entry[0], entry[1]])
}

/// Id, label, domain 1, no capability, algorithm, and what comes after.
fn new(id: u16, algorithm: u8, rest: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes()[..], &[0; 40], &[0, 1], &[0; 8], &[algorithm], rest].concat()
}

#[test]
fn a_full_log_that_must_be_kept_stops_what_is_logged_until_it_is_read_and_freed() {
    let mut device = Inside::audited();
    device.ask(SET_OPTION, &[1, 0, 1, 1]).unwrap();
    let done = (0..100).take_while(|_| device.ask(RANDOM, &[0, 1]).is_ok()).count();
    assert_eq!(done, 60, "the first entry and the start were there");
    assert_eq!(device.ask(RANDOM, &[0, 1]), Err(LOG_FULL));
    let entries = device.entries();
    assert_eq!((entries.len(), number(&entries[0]), number(&entries[61])), (62, 1, 62));
    // What is not logged goes on, and so does what lets the log be read: a session, its end.
    assert!(device.ask(STORAGE, &[]).is_ok());
    assert_eq!(device.ask(CLOSE, &[]), Ok(vec![]));
    let create = [&[0x03, 0, 10, 0, 1][..], &[0; 8]].concat();
    assert!(device.device.receive(&create, device.now).bytes.starts_with(&[0x83]));
    // Numbers that are in no entry free none.
    for wrong in [0_u16, 63, 0xffff] {
        assert_eq!(device.ask(SET_LOG_INDEX, &wrong.to_be_bytes()), Err(INVALID_DATA));
    }
    assert_eq!(device.entries().len(), 62);
    assert_eq!(device.ask(SET_LOG_INDEX, &61_u16.to_be_bytes()), Ok(vec![]));
    assert_eq!(device.entries(), entries[61..]);
    assert!(device.ask(RANDOM, &[0, 1]).is_ok());
    assert_eq!(number(device.entries().last().unwrap()), 63);
    // Read at once and freed to the end: the next one is chained to one that is gone.
    assert_eq!(device.ask(SET_LOG_INDEX, &63_u16.to_be_bytes()), Ok(vec![]));
    assert_eq!(device.entries().len(), 0);
    assert!(device.ask(RANDOM, &[0, 1]).is_ok());
    assert_eq!(number(&device.entries()[0]), 64);
}

#[test]
fn numbers_of_the_log_go_on_from_0_after_0xffff_and_it_is_freed_across_that() {
    let mut device = Inside::audited();
    for _ in 0..0xffff + 10 - 2 {
        device.ask(RANDOM, &[0, 0]).unwrap();
    }
    let entries = device.entries();
    assert_eq!((entries.len(), number(&entries[61])), (62, 9));
    assert_eq!(device.ask(SET_LOG_INDEX, &0xfffe_u16.to_be_bytes()), Ok(vec![]));
    let numbers: Vec<u16> = device.entries().iter().map(number).collect();
    assert_eq!(numbers, [0xffff, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(device.ask(SET_LOG_INDEX, &3_u16.to_be_bytes()), Ok(vec![]));
    assert_eq!(device.entries().iter().map(number).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
}

#[test]
fn the_clock_of_the_log_stands_still_at_its_end() {
    let mut device = Inside::audited();
    for now in [Duration::from_secs(42_949_672), Duration::from_secs(42_949_673), Duration::MAX] {
        device.now = now;
        device.ask(RANDOM, &[0, 1]).unwrap();
    }
    let ticks: Vec<[u8; 4]> =
        device.entries()[2..].iter().map(|entry| entry[12..16].try_into().unwrap()).collect();
    assert_eq!(ticks, [4_294_967_200_u32.to_be_bytes(), [0xff; 4], [0xff; 4]]);
}

#[test]
fn of_repeated_pairs_the_last_counts_and_one_wrong_pair_sets_none() {
    let mut device = Inside::new();
    let audits = |device: &mut Inside| {
        let pairs = device.ask(GET_OPTION, &[3]).unwrap();
        pairs.as_chunks::<2>().0.iter().find(|[command, _]| *command == RANDOM).unwrap()[1]
    };
    let set = |device: &mut Inside, pairs: &[u8]| {
        let length = u16::try_from(pairs.len()).unwrap().to_be_bytes();
        device.ask(SET_OPTION, &[&[3], &length[..], pairs].concat())
    };
    assert_eq!(set(&mut device, &[RANDOM, 1, RANDOM, 0]), Ok(vec![]));
    assert_eq!(audits(&mut device), 0);
    assert_eq!(set(&mut device, &[RANDOM, 0, RANDOM, 1]), Ok(vec![]));
    assert_eq!(audits(&mut device), 1);
    // Fixed is for good, also within one option.
    assert_eq!(set(&mut device, &[RANDOM, 2, RANDOM, 0]), Err(INVALID_DATA));
    assert_eq!(set(&mut device, &[RANDOM, 0, 0x07, 1]), Err(INVALID_DATA));
    assert_eq!(set(&mut device, &[RANDOM, 0, RANDOM, 3]), Err(INVALID_DATA));
    assert_eq!(set(&mut device, &[RANDOM, 0, RANDOM]), Err(WRONG_LENGTH));
    assert_eq!(audits(&mut device), 1);
    assert_eq!(device.ask(SET_OPTION, &[3, 0, 4, RANDOM, 0]), Err(WRONG_LENGTH));
    assert_eq!(set(&mut device, &[]), Ok(vec![]));
}

#[test]
fn as_many_random_bytes_as_a_message_carries() {
    let mut device = Inside::new();
    for count in [0, 1, 3116_u16] {
        assert_eq!(device.ask(RANDOM, &count.to_be_bytes()).unwrap().len(), usize::from(count));
    }
    // 3136 bytes less header, session and MAC are 3124: 195 blocks, of which header and padding take 4 bytes.
    for count in [3117, 3136, 3137, 0xffff_u16] {
        let code = device.ask(RANDOM, &count.to_be_bytes()).unwrap_err();
        assert!([INVALID_DATA, WRONG_LENGTH].contains(&code), "{count}: {code}");
    }
}

#[test]
fn an_object_must_fit_every_filter_also_a_repeated_one() {
    let mut device = Inside::new();
    assert_eq!((device.put(1, 1), device.put(2, 1)), (Ok(1), Ok(2)));
    assert_eq!(device.ask(LIST, &[1, 0, 2]), Ok(vec![0, 2, 1, 0]));
    assert_eq!(device.ask(LIST, &[1, 0, 2, 1, 0, 2]), Ok(vec![0, 2, 1, 0]));
    assert_eq!(device.ask(LIST, &[1, 0, 1, 1, 0, 2]), Ok(vec![]));
    assert_eq!(device.ask(LIST, &[2, 1, 2, 2]), Ok(vec![]));
    assert_eq!(device.ask(LIST, &[1, 0]), Err(WRONG_LENGTH));
    assert_eq!(device.ask(LIST, &[9]), Err(INVALID_DATA));
    // Every message of one-byte filters there is room for.
    assert_eq!(device.ask(LIST, &[2, 1].repeat(1500)), Ok(vec![0, 1, 1, 0, 0, 2, 1, 0]));
}

#[test]
fn ids_0_and_0xffff_are_nobodys_and_0_asks_for_a_free_one() {
    let mut device = Inside::new();
    let seed = [7; 32];
    let delegated = [[0; 8].as_slice(), &seed].concat();
    // Opaque, authentication key, asymmetric key put and made, wrap key put and made, HMAC key put and made, template,
    // OTP key put and made, AES key put and made.
    let made: [(u8, u8, &[u8]); 13] = [
        (PUT_OPAQUE, 30, &seed),
        (0x44, 38, &delegated),
        (0x45, 46, &seed),
        (0x46, 46, &[]),
        (0x4c, 42, &delegated),
        (0x5b, 42, &[0; 8]),
        (0x52, 20, &seed),
        (0x5a, 20, &[]),
        (0x5e, 36, &seed),
        (0x65, 40, &[7; 36]),
        (0x66, 40, &[0; 4]),
        (0x6d, 52, &seed),
        (0x6e, 52, &[]),
    ];
    for (command, algorithm, rest) in made {
        assert_eq!(device.ask(command, &new(0xffff, algorithm, rest)), Err(INVALID_ID), "{command:#x}");
        let id = device.ask(command, &new(0, algorithm, rest)).unwrap();
        assert!(id.len() == 2 && id != [0, 0] && id != [0xff, 0xff], "{command:#x}: {id:?}");
    }
    // The factory's key and these.
    assert_eq!(device.ask(LIST, &[]).unwrap().len(), 4 * 14);
    for id in [[0, 0], [0xff, 0xff]] {
        for kind in 1..=9 {
            for command in [INFO, DELETE] {
                assert_eq!(device.ask(command, &[id[0], id[1], kind]), Err(NOT_FOUND), "{command:#x} {kind}");
            }
        }
        // Every command whose data begins with the id of a key or of data that must be there; one of the lengths is right.
        for command in [
            0x47, 0x49, 0x4a, 0x4b, 0x53, 0x54, 0x55, 0x56, 0x57, 0x59, 0x5c, 0x5d, 0x5f, 0x60, 0x61, 0x62,
            0x63, 0x68, 0x69, 0x6a, 0x6f, 0x70, 0x71, 0x72,
        ] {
            let found: Vec<_> =
                (0..=64).map(|length| device.ask(command, &[&id[..], &vec![1; length]].concat())).collect();
            assert!(found.iter().all(Result::is_err), "{command:#x}: {found:?}");
            assert!(found.contains(&Err(NOT_FOUND)), "{command:#x}: {found:?}");
        }
    }
    assert_eq!(device.ask(0x43, &[0xff, 0xff]), Err(NOT_FOUND));
    // A session may change its own authentication key alone.
    assert_eq!(device.ask(0x6c, &[&[0xff, 0xff, 38][..], &seed].concat()), Err(INVALID_ID));
    assert_eq!(device.ask(LIST, &[]).unwrap().len(), 4 * 14);
}

#[test]
fn nothing_is_no_data_and_the_most_is_what_a_message_carries() {
    let mut device = Inside::new();
    assert_eq!(device.put(1, 0), Err(WRONG_LENGTH));
    assert_eq!(device.put(1, 1), Ok(1));
    // What cannot be got again in one message cannot be put in one: 53 bytes of fields more.
    assert_eq!(device.put(2, 3116 - 53), Ok(2));
    assert_eq!(device.ask(0x43, &[0, 2]).unwrap().len(), 3116 - 53);
}

#[test]
fn sequence_numbers_go_on_from_0_after_255_and_outlive_what_they_count() {
    let mut device = Inside::new();
    for round in 0..300_u16 {
        device.put(9, 1).unwrap();
        assert_eq!(device.ask(INFO, &[0, 9, 1]).unwrap()[16], round.to_be_bytes()[1], "{round}");
        device.delete(9).unwrap();
    }
    device.put(10, 1).unwrap();
    assert_eq!(device.ask(INFO, &[0, 10, 1]).unwrap()[16], 0);
}

#[test]
fn two_hundred_and_fifty_six_objects_and_no_more() {
    let mut device = Inside::new();
    assert_eq!(device.free(), (255, 1023));
    for id in 1..=255 {
        assert_eq!(device.put(id, 1), Ok(id));
    }
    assert_eq!(device.free(), (0, 768));
    for id in [256, 0] {
        assert_eq!(device.put(id, 1), Err(STORAGE_FAILED));
    }
    assert_eq!(device.ask(0x46, &new(300, 46, &[])), Err(STORAGE_FAILED));
    assert_eq!(device.ask(LIST, &[]).unwrap().len(), 256 * 4);
    device.delete(255).unwrap();
    assert_eq!(device.put(256, 1), Ok(256));
    assert_eq!(device.free(), (0, 768));
}

#[test]
fn a_thousand_and_twenty_four_pages_and_no_more() {
    let mut device = Inside::new();
    // 51 of 20 pages, the factory's key has one: three are left.
    for id in 1..=51 {
        assert_eq!(device.put(id, 20 * 126), Ok(id));
    }
    assert_eq!(device.free(), (204, 3));
    assert_eq!(device.put(60, 3 * 126 + 1), Err(STORAGE_FAILED));
    assert_eq!(device.free(), (204, 3));
    assert_eq!(device.put(60, 3 * 126), Ok(60));
    assert_eq!(device.free(), (203, 0));
    assert_eq!(device.put(61, 1), Err(STORAGE_FAILED));
    device.delete(60).unwrap();
    assert_eq!(device.put(61, 2 * 126 + 1), Ok(61));
    assert_eq!(device.free(), (203, 0));
}
