//! Private data objects: opaque objects of the device, which cannot be overwritten.
//!
//! A new value is put beside the old one, with the next generation, and the old one deleted then: a
//! crash in between leaves both, and the newer counts. A digest tells one that was cut off.

use ::yubihsm::Capability;
use ::yubihsm::device::ErrorKind as Said;
use ::yubihsm::object::{Filter, Label, Type};
use ::yubihsm::opaque::Algorithm;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::super::{DeviceError, Kind};
use super::domain::DATA;
use super::key::LABEL;
use super::session::Session;

/// Bytes of the digest that is kept with a value.
const DIGEST: usize = 16;

/// One that is there.
struct Object {
    id: u16,
    /// Generation and value, if it is whole.
    content: Option<(u64, Vec<u8>)>,
}

/// The newest value.
pub(super) fn read(session: &mut Session, label: &str) -> Result<Option<Vec<u8>>, DeviceError> {
    let whole: Vec<_> = objects(session, label)?.into_iter().filter_map(|object| object.content).collect();
    let Some(newest) = whole.iter().map(|(generation, _)| *generation).max() else { return Ok(None) };
    let mut values: Vec<_> =
        whole.into_iter().filter(|(generation, _)| *generation == newest).map(|(_, value)| value).collect();
    // A write that was repeated after a doubt leaves the same value twice.
    values.dedup();
    match (values.pop(), values.is_empty()) {
        (value, true) => Ok(value),
        _ => Err(DeviceError::new(
            Kind::Failed,
            format!(
                "the YubiHSM holds two newest data objects {label:?}: stop the other writer, then write the value again"
            ),
        )),
    }
}

/// Replaces the value.
pub(super) fn write(session: &mut Session, label: &str, value: &[u8]) -> Result<(), DeviceError> {
    let old = objects(session, label)?;
    let newest =
        old.iter().filter_map(|object| object.content.as_ref()).map(|(generation, _)| *generation).max();
    let content = encode(label, newest.map_or(1, |newest| newest.saturating_add(1)), value);
    let (name, domain) = (name(label), DATA.domain());
    session.attempt(|client| {
        client.put_opaque(0, name.clone(), domain, Capability::empty(), Algorithm::Data, content.clone())
    })?;
    for Object { id, .. } in old {
        session.attempt(|client| match client.delete_object(id, Type::Opaque) {
            Err(error) if error.device_error() == Some(Said::ObjectNotFound) => Ok(()),
            other => other,
        })?;
    }
    Ok(())
}

fn objects(session: &mut Session, label: &str) -> Result<Vec<Object>, DeviceError> {
    let filters = [Filter::Type(Type::Opaque), Filter::Label(name(label))];
    let entries = session.attempt(|client| client.list_objects(&filters))?;
    let mut objects = Vec::new();
    for id in entries.into_iter().map(|entry| entry.object_id) {
        let bytes = session.attempt(|client| client.get_opaque(id))?;
        objects.push(Object { id, content: decode(label, &bytes) });
    }
    Ok(objects)
}

/// The label in the device: it has 40 bytes, so a longer one is hashed.
fn name(label: &str) -> Label {
    let hashed;
    let name = if label.len() <= LABEL {
        label.as_bytes()
    } else {
        hashed = format!("bursar-{}", HEXLOWER.encode(&Sha256::digest(label)[..DIGEST]));
        hashed.as_bytes()
    };
    let mut bytes = [0; LABEL];
    bytes.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    Label(bytes)
}

/// Generation (8 bytes, big-endian), digest of label, generation and value, value.
fn encode(label: &str, generation: u64, value: &[u8]) -> Vec<u8> {
    [&generation.to_be_bytes(), digest(label, generation, value).as_slice(), value].concat()
}

fn decode(label: &str, bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (generation, rest) = bytes.split_first_chunk::<8>()?;
    let (found, value) = rest.split_first_chunk::<DIGEST>()?;
    let generation = u64::from_be_bytes(*generation);
    (digest(label, generation, value) == *found).then(|| (generation, value.to_vec()))
}

fn digest(label: &str, generation: u64, value: &[u8]) -> [u8; DIGEST] {
    let whole = Sha256::new()
        .chain_update((label.len() as u64).to_be_bytes())
        .chain_update(label)
        .chain_update(generation.to_be_bytes())
        .chain_update(value)
        .finalize();
    let mut short = [0; DIGEST];
    short.copy_from_slice(&whole[..DIGEST]);
    short
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_that_was_cut_off_is_none() {
        let whole = encode("anchor", 7, b"value");
        assert_eq!(decode("anchor", &whole), Some((7, b"value".to_vec())));
        assert_eq!(decode("other", &whole), None);
        for cut in 0..whole.len() {
            assert_eq!(decode("anchor", &whole[..cut]), None, "{cut}");
        }
        let mut bent = whole.clone();
        bent[0] ^= 1;
        assert_eq!(decode("anchor", &bent), None);
    }

    #[test]
    fn long_labels_are_told_apart() {
        let anchor = |home: char| format!("bursar-anchor-{}", home.to_string().repeat(32));
        assert_ne!(name(&anchor('a')).0, name(&anchor('b')).0);
        assert_eq!(name("short").try_as_str().unwrap(), "short");
    }
}
