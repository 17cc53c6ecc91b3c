//! Who the device is.

use crate::algorithm::Algorithm;
use crate::audit::ENTRIES;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::memory::Memory;
use crate::profile::Profile;
use crate::reader::Reader;

/// Page 0: version (3), serial (4), size of the log (1), entries in it (1), one byte for each
/// algorithm. Page 1, from 2.4: the part number.
pub(crate) fn info(profile: &Profile, memory: &Memory, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let page = if data.is_empty() { 0 } else { data.u8()? };
    data.end()?;
    match page {
        0 => {
            let Firmware(major, minor, patch) = profile.firmware;
            let mut answer = vec![major, minor, patch];
            answer.extend(profile.serial.to_be_bytes());
            answer.extend([u8::try_from(ENTRIES).unwrap_or(u8::MAX), memory.log.used()]);
            answer.extend(Algorithm::known(profile.firmware).map(Algorithm::byte));
            Ok(answer)
        }
        1 if profile.firmware >= Firmware::V2_4 => Ok(Profile::PART_NUMBER.into()),
        _ => Err(Code::InvalidData),
    }
}

/// Seconds (1) that the light blinks. There is none.
pub(super) fn blink(mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    data.u8()?;
    data.end()?;
    Ok(Vec::new())
}
