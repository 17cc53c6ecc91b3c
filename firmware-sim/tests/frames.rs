//! Random and mutated frames: each is answered with a frame, and right ones in between are answered right.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use firmware_sim::NoFlash;
use firmware_sim::device::Device;
use firmware_sim::firmware::Firmware;
use firmware_sim::memory::{FACTORY_KEY, Memory};
use firmware_sim::profile::Profile;
use getrandom::SysRng;
use proptest::prelude::*;
use rand_core::UnwrapErr;

fn device(firmware: Firmware) -> Device {
    let profile = Profile { firmware, ..Profile::default() };
    let mut rng = UnwrapErr(SysRng);
    let memory = Memory::new(firmware, &mut rng).unwrap();
    Device::start(profile, memory, Box::new(NoFlash), Box::new(rng), Duration::ZERO).unwrap()
}

/// Well-formed, and the answer to this command or an error.
fn check(command: u8, answer: &[u8]) {
    let (&[kind, high, low], data) = answer.split_first_chunk().expect("an answer has a header");
    assert_eq!(usize::from(u16::from_be_bytes([high, low])), data.len());
    assert!(kind == command | 0x80 || kind == 0x7f && data.len() == 1, "{command:02x}: {answer:02x?}");
}

fn frame(command: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![command];
    frame.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    frame.extend(data);
    frame
}

/// What the device says to a right request, by the vendor's documentation.
fn is_fine(device: &mut Device, now: Duration) {
    assert_eq!(device.receive(&[0x01, 0, 2, 7, 8], now).bytes, [0x81, 0, 2, 7, 8]);
    assert_eq!(device.inside(FACTORY_KEY, &[0x01, 0, 1, 9], now), [0x81, 0, 1, 9]);
    assert_eq!(device.receive(&[0x06, 0, 0], now).bytes[..3], [0x86, 0, 64]);
    let answer = device.receive(&[&[0x03, 0, 10, 0, 1][..], &[0; 8]].concat(), now).bytes;
    // A session, a challenge and a cryptogram, unless all places are taken.
    assert!(answer.starts_with(&[0x83, 0, 17]) || answer == [0x7f, 0, 1, 5], "{answer:02x?}");
}

/// Data as a command may have it: fields that mean something are likely.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0_u8), Just(1), Just(46), Just(0xff), any::<u8>()];
    let length = prop_oneof![0..70_usize, Just(0), Just(53), Just(61), Just(85), Just(93), 2000..2100_usize];
    length.prop_flat_map(move |length| prop::collection::vec(byte.clone(), length))
}

proptest! {
    // Each case has a device of its own, whose key takes most of the time.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_outside_of_a_session(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3200), 1..20)) {
        let mut device = device(Firmware::V2_5);
        for (tick, bytes) in (0..).zip(&frames) {
            let now = Duration::from_secs(tick);
            check(bytes.first().copied().unwrap_or_default(), &device.receive(bytes, now).bytes);
        }
        is_fine(&mut device, Duration::from_secs(100));
    }

    #[test]
    fn frames_outside_of_a_session(frames in prop::collection::vec((any::<u8>(), data()), 1..20), old: bool) {
        let mut device = device(if old { Firmware::V2_0 } else { Firmware::V2_5 });
        for (tick, (command, data)) in (0..).zip(&frames) {
            let command = command & 0x7f;
            check(command, &device.receive(&frame(command, data), Duration::from_secs(tick)).bytes);
        }
    }

    #[test]
    fn commands_inside_of_a_session(frames in prop::collection::vec((0..0x80_u8, data()), 1..30)) {
        let mut device = device(Firmware::V2_5);
        for (tick, (command, data)) in (0..).zip(&frames) {
            // Deleted, it could not say that the device is fine.
            if [0x58, 0x6c, 0x4f].contains(command) {
                continue;
            }
            check(*command, &device.inside(FACTORY_KEY, &frame(*command, data), Duration::from_secs(tick)));
        }
        is_fine(&mut device, Duration::from_secs(100));
    }

    #[test]
    fn mutated_set_up_of_a_session(at in 0..21_usize, byte: u8, cut in 0..30_usize) {
        let mut device = device(Firmware::V2_5);
        let made = device.receive(&[&[0x03, 0, 10, 0, 1][..], &[9; 8]].concat(), Duration::ZERO).bytes;
        prop_assert!(made.starts_with(&[0x83, 0, 17]));
        let mut bytes = frame(0x04, &[&[made[3]][..], &[0; 16]].concat());
        if let Some(there) = bytes.get_mut(at) { *there = byte; }
        bytes.truncate(cut);
        let command = bytes.first().copied().unwrap_or_default();
        check(command, &device.receive(&bytes, Duration::ZERO).bytes);
        is_fine(&mut device, Duration::ZERO);
    }
}

#[test]
fn every_command_with_every_short_length_is_answered() {
    for firmware in [Firmware::V2_0, Firmware::V2_5] {
        let mut device = device(firmware);
        for command in 0..=0x7f_u8 {
            for length in 0..100 {
                for fill in [0, 1, 0xff] {
                    let bytes = frame(command, &vec![fill; length]);
                    check(command, &device.inside(FACTORY_KEY, &bytes, Duration::ZERO));
                    check(command, &device.receive(&bytes, Duration::ZERO).bytes);
                }
            }
        }
    }
}
