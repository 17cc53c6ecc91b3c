//! An object as it is wrapped: what is encrypted when it leaves the device.
//!
//! Source: Yubico's `yubihsm-wrap`. Of an Ed25519 key's 128 bytes the seed is the last part; without it
//! there are 96.

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::domain::Domains;
use crate::error::Code;
use crate::object::{Body, Kind, Label, Object, Origin};
use crate::reader::Reader;

/// Bytes before the body.
const HEADER: usize = 59;

/// Algorithm of the wrapping (1), capabilities (8), id (2), length of what follows the header (2), domains
/// (2), kind (1), algorithm (1), sequence (1), origin (1), label (40); of kinds that pass capabilities on
/// these (8); then the body, `body` instead of the object's own.
pub(crate) fn encode(object: &Object, wrapping: Algorithm, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let delegated = object.delegated.0.to_be_bytes();
    let delegated = if object.kind.delegates() { delegated.as_slice() } else { &[] };
    let length = u16::try_from(delegated.len() + body.len()).map_err(|_| Code::WrongLength)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(HEADER + usize::from(length)));
    plain.push(wrapping.byte());
    plain.extend(object.capabilities.0.to_be_bytes());
    plain.extend([object.id, length, object.domains.0].into_iter().flat_map(u16::to_be_bytes));
    plain.extend([object.kind.into(), object.algorithm.byte(), object.sequence, object.origin.0]);
    plain.extend(object.label.0);
    plain.extend(delegated);
    plain.extend(body);
    Ok(plain)
}

/// The object that was wrapped, its body not yet checked.
///
/// # Errors
/// [`Code::InvalidData`] when it was wrapped by another algorithm, or is none.
pub(crate) fn decode(plain: &[u8], wrapping: Algorithm) -> Result<Object, Code> {
    read(Reader::new(plain), wrapping).map_err(|_| Code::InvalidData)
}

fn read(mut data: Reader<'_>, wrapping: Algorithm) -> Result<Object, Code> {
    if data.u8()? != wrapping.byte() {
        return Err(Code::InvalidData);
    }
    let capabilities = Capabilities(data.u64()?);
    let (id, length, domains) = (data.u16()?, data.u16()?, Domains(data.u16()?));
    let (kind, algorithm) = (Kind::try_from(data.u8()?)?, Algorithm::try_from(data.u8()?)?);
    let (sequence, origin, label) = (data.u8()?, Origin(data.u8()?), Label(data.array()?));
    if data.rest().len() != usize::from(length) {
        return Err(Code::InvalidData);
    }
    let delegated = if kind.delegates() { Capabilities(data.u64()?) } else { Capabilities::NONE };
    let body = Body::new(data.rest().to_vec());
    Ok(Object { kind, id, label, domains, capabilities, delegated, algorithm, sequence, origin, body })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use ::ccm::consts::U16;
    use data_encoding::HEXLOWER;
    use serde::Deserialize;

    use super::*;
    use crate::ccm;

    /// Made by `tests/wrapped_objects.py`, which shares no code with the device.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Vector {
        key: String,
        wrapped: String,
        /// With the delegated capabilities before it, for kinds that have them.
        body: String,
        capabilities: u64,
        id: u16,
        domains: u16,
        kind: u8,
        algorithm: u8,
        label: String,
        sequence: u8,
        origin: u8,
    }

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("../tests/vectors/wrapped.json")).unwrap()
    }

    fn open(key: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
        let (nonce, sealed) = wrapped.split_first_chunk().ok_or(Code::InvalidData)?;
        ccm::open::<U16>(key, nonce, sealed)
    }

    fn wrapping(key: &[u8]) -> Algorithm {
        match key.len() {
            16 => Algorithm::Aes128CcmWrap,
            24 => Algorithm::Aes192CcmWrap,
            _ => Algorithm::Aes256CcmWrap,
        }
    }

    #[test]
    fn objects_that_another_program_wrapped_are_read_field_by_field_and_written_alike() {
        assert_eq!(vectors().len(), 8);
        for vector in vectors() {
            let (key, sealed) = (hex(&vector.key), hex(&vector.wrapped));
            let plain = open(&key, &sealed).unwrap();
            let object = decode(&plain, wrapping(&key)).unwrap();
            let mut body = hex(&vector.body);
            if object.kind.delegates() {
                let delegated: Vec<u8> = body.drain(..8).collect();
                assert_eq!(object.delegated.0.to_be_bytes().as_slice(), delegated);
            }
            let numbers = (object.capabilities.0, object.id, object.domains.0, object.sequence);
            assert_eq!(numbers, (vector.capabilities, vector.id, vector.domains, vector.sequence));
            let bytes = (u8::from(object.kind), object.algorithm.byte(), object.origin.0);
            assert_eq!(bytes, (vector.kind, vector.algorithm, vector.origin));
            assert_eq!((object.label.0.as_slice(), object.body.bytes()), (&*hex(&vector.label), &*body));
            assert_eq!(encode(&object, wrapping(&key), &body).unwrap(), plain);
            let (nonce, rest) = sealed.split_first_chunk().unwrap();
            assert_eq!(ccm::seal::<U16>(&key, nonce, &plain).unwrap(), rest);
        }
    }

    #[test]
    fn what_was_changed_or_cut_is_refused() {
        for vector in vectors() {
            let (key, wrapped) = (hex(&vector.key), hex(&vector.wrapped));
            for at in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[at] ^= 1 << (at % 8);
                assert_eq!(open(&key, &changed), Err(Code::InvalidData), "byte {at}");
                assert_eq!(open(&key, &wrapped[..at]), Err(Code::InvalidData), "cut at {at}");
            }
            let plain = open(&key, &wrapped).unwrap();
            for end in 0..plain.len() {
                assert_eq!(decode(&plain[..end], wrapping(&key)), Err(Code::InvalidData), "cut at {end}");
            }
            assert_eq!(decode(&plain, Algorithm::Aes128), Err(Code::InvalidData));
        }
    }
}
