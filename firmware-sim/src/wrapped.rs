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
