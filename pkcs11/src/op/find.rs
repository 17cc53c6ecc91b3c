//! Listing the private keys that have a public part, and finding one by its URI.

use std::collections::HashMap;

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::lookup::{objects, public_key};
use crate::pool::Shared;
use crate::pool::seat::Seat;
use crate::{Error, Key, KeyUri, PublicKey, Usage};

/// Labels that an error lists.
const LISTED: usize = 20;

/// Every private key of a supported algorithm whose id has exactly one public key. One whose id
/// has several, or none, is left out: what it would sign could not be checked.
pub(crate) fn keys(seat: &mut Seat) -> Result<Vec<Key>, Error> {
    let session = &seat.session;
    let mut public: HashMap<Vec<u8>, Vec<PublicKey>> = HashMap::new();
    for handle in objects(seat, ObjectClass::PUBLIC_KEY, vec![])? {
        if let (Some(key), Some(id)) = (public_key(session, handle)?, id(session, handle)?) {
            let same_id = public.entry(id).or_default();
            if !same_id.contains(&key) {
                same_id.push(key);
            }
        }
    }
    let mut keys = Vec::new();
    for handle in objects(seat, ObjectClass::PRIVATE_KEY, vec![])? {
        let Some((label, id, usage)) = describe(session, handle)? else { continue };
        if let Some([only]) = public.get(&id).map(Vec::as_slice) {
            keys.push(Key::new(label, id, *only, usage));
        }
    }
    Ok(keys)
}

/// The one private key that the URI names.
pub(crate) fn find(shared: &Shared, seat: &mut Seat, uri: &KeyUri) -> Result<Key, Error> {
    let missing = |why: &str, available: Vec<String>| Error::KeyNotFound {
        wanted: uri.to_string(),
        why: why.to_owned(),
        available,
    };
    if uri.token().is_some_and(|token| !token.matches(&shared.info)) {
        return Err(missing("it is on another token", Vec::new()));
    }
    let session = &seat.session;
    let mut named = Vec::new();
    named.extend(uri.object().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    named.extend(uri.id().map(|id| Attribute::Id(id.to_vec())));
    let private = objects(seat, ObjectClass::PRIVATE_KEY, named)?;
    let handle = match private.as_slice() {
        [handle] => *handle,
        [] => {
            let mut labels: Vec<String> =
                keys(seat)?.iter().take(LISTED).map(|k| format!("{:?}", k.label())).collect();
            labels.sort();
            return Err(missing("no private key has this name", labels));
        }
        many => {
            return Err(Error::KeyAmbiguous { wanted: uri.to_string(), count: many.len() });
        }
    };
    let Some((label, id, usage)) = describe(session, handle)? else {
        return Err(missing("the key neither signs nor derives, or has no id", Vec::new()));
    };
    let mut public = Vec::new();
    for handle in objects(seat, ObjectClass::PUBLIC_KEY, vec![Attribute::Id(id.clone())])? {
        if let Some(key) = public_key(session, handle)?
            && !public.contains(&key)
        {
            public.push(key);
        }
    }
    match public.as_slice() {
        [only] => Ok(Key::new(label, id, *only, usage)),
        [] => Err(missing("no public key of a supported algorithm has its id", Vec::new())),
        many => Err(Error::KeyAmbiguous { wanted: uri.to_string(), count: many.len() }),
    }
}

/// Label, id and usage of a private key; `None` for one without an id or a use of ours.
fn describe(session: &Session, handle: ObjectHandle) -> Result<Option<(String, Vec<u8>, Usage)>, Error> {
    let (mut label, mut id, mut signs, mut derives) = (String::new(), Vec::new(), false, false);
    let types = [AttributeType::Label, AttributeType::Id, AttributeType::Sign, AttributeType::Derive];
    for attribute in session.get_attributes(handle, &types)? {
        match attribute {
            Attribute::Label(bytes) => label = String::from_utf8_lossy(&bytes).into_owned(),
            Attribute::Id(bytes) => id = bytes,
            Attribute::Sign(yes) => signs = yes,
            Attribute::Derive(yes) => derives = yes,
            _ => {}
        }
    }
    let usage = match (signs, derives) {
        (true, _) => Usage::Sign,
        (false, true) => Usage::Derive,
        (false, false) => return Ok(None),
    };
    Ok((!id.is_empty()).then_some((label, id, usage)))
}

fn id(session: &Session, handle: ObjectHandle) -> Result<Option<Vec<u8>>, Error> {
    let attributes = session.get_attributes(handle, &[AttributeType::Id])?;
    Ok(attributes.into_iter().find_map(|a| match a {
        Attribute::Id(bytes) if !bytes.is_empty() => Some(bytes),
        _ => None,
    }))
}
