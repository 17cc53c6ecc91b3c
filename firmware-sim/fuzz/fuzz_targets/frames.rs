#![no_main]
//! Every frame is answered with a well-formed one, outside of sessions and inside, and an echo still comes back.
//!
//! The input is a row of frames: a byte whose lowest bit says inside, a length of two bytes, the frame.

use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use firmware_sim::NoFlash;
use firmware_sim::device::Device;
use firmware_sim::memory::{FACTORY_KEY, Memory};
use firmware_sim::profile::Profile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The same for every input, so that what was found is found again.
    let (profile, mut rng, mut rest) = (Profile::default(), ChaCha20Rng::from_seed([7; 32]), bytes);
    let Ok(memory) = Memory::new(profile.firmware, &mut rng) else { return };
    let Ok(mut device) = Device::start(profile, memory, Box::new(NoFlash), Box::new(rng), Duration::ZERO)
    else {
        return;
    };
    while let Some((&[place, high, low], more)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(more.len());
        let (frame, more) = more.split_at(length);
        rest = more;
        let answer = if place & 1 == 1 {
            device.inside(FACTORY_KEY, frame, Duration::ZERO)
        } else {
            device.receive(frame, Duration::ZERO).bytes
        };
        let (&[_, high, low], data) = answer.split_first_chunk().expect("an answer has a header");
        assert_eq!(usize::from(u16::from_be_bytes([high, low])), data.len());
        assert_eq!(device.receive(&[0x01, 0, 1, 9], Duration::ZERO).bytes, [0x81, 0, 1, 9]);
    }
});
