//! Finding objects, and reading their attributes.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::pool::seat::Seat;
use crate::public::PublicKey;
use crate::{Algorithm, Error, Key};

/// Handles of token objects of this class with these attributes.
///
/// Nothing found must not pass for a key, or a stored value, that does not exist, when it only cannot
/// be seen: so login and token are looked at afterwards.
pub(crate) fn objects(
    seat: &Seat,
    class: ObjectClass,
    attributes: Vec<Attribute>,
) -> Result<Vec<ObjectHandle>, Error> {
    let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
    template.extend(attributes);
    let found = {
        let _alone = seat.alone();
        seat.session.find_objects(&template)?
    };
    seat.confirm(&found)?;
    Ok(found)
}

/// The private key's handle, found by id and confirmed by the public key of the same id.
pub(crate) fn private_handle(seat: &Seat, key: &Key) -> Result<ObjectHandle, Error> {
    let id = || vec![Attribute::Id(key.id().to_vec())];
    let wanted = || format!("key {:?}", key.label());
    let missing =
        |why: &str| Error::KeyNotFound { wanted: wanted(), why: why.to_owned(), available: Vec::new() };
    let private = objects(seat, ObjectClass::PRIVATE_KEY, id())?;
    let handle = match private.as_slice() {
        [handle] => *handle,
        [] => return Err(missing("no private key has its id any more")),
        many => {
            return Err(Error::KeyAmbiguous { wanted: wanted(), count: many.len() });
        }
    };
    for public in objects(seat, ObjectClass::PUBLIC_KEY, id())? {
        if public_key(&seat.session, public)?.as_ref() == Some(key.public_key()) {
            return Ok(handle);
        }
    }
    Err(missing("the public key of its id is gone or another"))
}

/// The public key of an object; `None` if its algorithm is none of ours.
pub(crate) fn public_key(session: &Session, handle: ObjectHandle) -> Result<Option<PublicKey>, Error> {
    let attributes = session
        .get_attributes(handle, &[AttributeType::KeyType, AttributeType::EcParams, AttributeType::EcPoint])?;
    let (mut curve, mut point, mut known) = (None, None, false);
    for attribute in attributes {
        match attribute {
            Attribute::KeyType(kind) => known = kind == KeyType::EC || kind == KeyType::EC_EDWARDS,
            Attribute::EcParams(der) => curve = Algorithm::from_ec_params(&der),
            Attribute::EcPoint(value) => point = Some(value),
            _ => {}
        }
    }
    match (known, curve, point) {
        (true, Some(curve), Some(point)) => PublicKey::from_ec_point(curve, &point).map(Some),
        _ => Ok(None),
    }
}

/// Which of the attributes the object does not have as wanted, for people to read. Empty is good.
pub(crate) fn differences(
    session: &Session,
    handle: ObjectHandle,
    wanted: &[Attribute],
) -> Result<Vec<String>, Error> {
    let types: Vec<_> = wanted.iter().map(Attribute::attribute_type).collect();
    let is = session.get_attributes(handle, &types)?;
    Ok(wanted
        .iter()
        .filter(|w| !is.contains(w))
        .map(|w| {
            let read = is.iter().find(|a| a.attribute_type() == w.attribute_type());
            let read = read.map_or("nothing".to_owned(), |a| format!("{a:?}"));
            format!("{w:?} was asked for, {read} read back")
        })
        .collect())
}
