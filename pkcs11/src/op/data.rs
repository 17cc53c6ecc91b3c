//! Private data objects that are replaced as a whole.
//!
//! A value cannot be changed in place: SoftHSM's are read-only. So each write makes a new object and
//! then destroys the older ones. Killed in between, a token holds two; CKA_APPLICATION therefore
//! carries a generation, "bursar-pkcs11 generation N", and the highest is the value. An object of
//! another application counts as generation 0. Writers of one process take turns; two processes
//! that write one label at once can make two of one generation, which is an error and no choice.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::lookup::objects;
use crate::Error;
use crate::pool::Shared;
use crate::pool::seat::Seat;

const APPLICATION: &str = "bursar-pkcs11 generation ";

/// The newest value of this label.
pub(crate) fn read(shared: &Shared, seat: &mut Seat, label: &str) -> Result<Option<Vec<u8>>, Error> {
    supported(shared)?;
    let session = &seat.session;
    let all = generations(seat, label)?;
    let Some(newest) = all.iter().map(|(g, _)| *g).max() else { return Ok(None) };
    let mut of_newest = all.iter().filter(|(g, _)| *g == newest);
    let (Some((_, handle)), rest) = (of_newest.next(), of_newest.count()) else { return Ok(None) };
    if rest > 0 {
        return Err(Error::DataAmbiguous { label: label.to_owned(), count: rest + 1 });
    }
    let attributes = session.get_attributes(*handle, &[AttributeType::Value])?;
    let value = attributes.into_iter().find_map(|a| match a {
        Attribute::Value(bytes) => Some(bytes),
        _ => None,
    });
    // An empty value may read as no value.
    Ok(Some(value.unwrap_or_default()))
}

/// Makes a new object, syncs it, then destroys the older ones.
pub(crate) fn write(shared: &Shared, seat: &mut Seat, label: &str, value: &[u8]) -> Result<(), Error> {
    supported(shared)?;
    if label.is_empty() {
        return Err(Error::Unsupported("a data object needs a label".to_owned()));
    }
    let session = &seat.session;
    let old = generations(seat, label)?;
    let newest = old.iter().map(|(g, _)| *g).max().unwrap_or(0);
    let next = newest
        .checked_add(1)
        .ok_or_else(|| Error::DataAmbiguous { label: label.to_owned(), count: old.len() })?;
    let alone = seat.alone();
    session.create_object(&[
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Application(format!("{APPLICATION}{next}").into_bytes()),
        Attribute::Value(value.to_vec()),
    ])?;
    drop(alone);
    // Before the older are gone: a power cut then leaves one of them at least.
    shared.quirk.sync(shared.module.environment(), &shared.info)?;
    let _alone = seat.alone();
    for (_, handle) in old {
        session.destroy_object(handle)?;
    }
    Ok(())
}

/// Destroys every generation, the oldest first, so that a crash in between leaves the newest.
pub(crate) fn delete(shared: &Shared, seat: &mut Seat, label: &str) -> Result<(), Error> {
    supported(shared)?;
    let mut all = generations(seat, label)?;
    all.sort_by_key(|(generation, _)| *generation);
    let alone = seat.alone();
    for (_, handle) in all {
        seat.session.destroy_object(handle)?;
    }
    drop(alone);
    shared.quirk.sync(shared.module.environment(), &shared.info)
}

fn supported(shared: &Shared) -> Result<(), Error> {
    shared.quirk.no_data_objects().map_or(Ok(()), |why| Err(Error::Unsupported(why.to_owned())))
}

fn generations(seat: &Seat, label: &str) -> Result<Vec<(u64, ObjectHandle)>, Error> {
    let named = vec![Attribute::Private(true), Attribute::Label(label.as_bytes().to_vec())];
    objects(seat, ObjectClass::DATA, named)?
        .into_iter()
        .map(|handle| {
            let attributes = seat.session.get_attributes(handle, &[AttributeType::Application])?;
            let generation = attributes.iter().find_map(|a| match a {
                Attribute::Application(bytes) => generation(bytes),
                _ => None,
            });
            Ok((generation.unwrap_or(0), handle))
        })
        .collect()
}

fn generation(application: &[u8]) -> Option<u64> {
    std::str::from_utf8(application).ok()?.strip_prefix(APPLICATION)?.parse().ok()
}
