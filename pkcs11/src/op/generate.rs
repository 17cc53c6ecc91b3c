//! Generating a key pair inside the token.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass};

use super::lookup::{differences, objects, public_key};
use crate::pool::Shared;
use crate::pool::seat::Seat;
use crate::{Algorithm, Error, Key, NewKey, Usage};

/// Refuses what no token could make.
pub(crate) fn checked(new: NewKey) -> Result<NewKey, Error> {
    if new.label.is_empty() || new.label.len() > 255 || new.id.is_empty() || new.id.len() > 255 {
        return Err(Error::Unsupported("a key needs a label and an id of 1 to 255 bytes".to_owned()));
    }
    if new.usage == Usage::Derive && new.algorithm != Algorithm::P256 {
        return Err(Error::Unsupported(format!("{} keys do not derive here: use p256", new.algorithm)));
    }
    Ok(new)
}

/// Refuses a label or id that any key or data object has: two of one name are an error for ever after.
pub(crate) fn unused(seat: &Seat, new: &NewKey) -> Result<(), Error> {
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        let label = Attribute::Label(new.label.as_bytes().to_vec());
        if !objects(seat, class, vec![label])?.is_empty() {
            return Err(Error::KeyExists { what: format!("the label {:?}", new.label) });
        }
        if !objects(seat, class, vec![Attribute::Id(new.id.clone())])?.is_empty() {
            let hex: String = new.id.iter().map(|b| format!("{b:02x}")).collect();
            return Err(Error::KeyExists { what: format!("the id {hex}") });
        }
    }
    Ok(())
}

/// Makes the pair, and hands it out only if the token kept what it was told, and on stable storage.
/// What it did not keep right is destroyed again.
pub(crate) fn generate(shared: &Shared, seat: &mut Seat, new: &NewKey) -> Result<Key, Error> {
    let session = &seat.session;
    let mechanism = match new.algorithm {
        Algorithm::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
        Algorithm::Secp256k1 | Algorithm::P256 => Mechanism::EccKeyPairGen,
    };
    let kept = |attributes: Vec<Attribute>| -> Vec<Attribute> {
        attributes.into_iter().filter(|a| shared.quirk.keeps(a)).collect()
    };
    let public = kept(public_template(new));
    let modifiable = new.copyable && shared.quirk.copyable_is_modifiable();
    let private = kept(private_template(new, modifiable));
    let mut asked = public.clone();
    asked.push(Attribute::EcParams(new.algorithm.ec_params().to_vec()));
    let alone = seat.alone();
    let (public_handle, private_handle) = session.generate_key_pair(&mechanism, &asked, &private)?;
    drop(alone);
    let made = (|| {
        let mut wrong = differences(session, private_handle, &private)?;
        wrong.extend(differences(session, public_handle, &public)?);
        let key = public_key(session, public_handle)?.filter(|k| k.algorithm() == new.algorithm);
        match key {
            Some(key) if wrong.is_empty() => Ok(Key::new(new.label.clone(), new.id.clone(), key, new.usage)),
            Some(_) => Err(Error::Attributes(wrong.join("; "))),
            None => Err(Error::Attributes(format!("the public key is no {} key", new.algorithm))),
        }
    })();
    match made {
        Ok(key) => {
            shared.quirk.sync(shared.module.environment(), &shared.info)?;
            Ok(key)
        }
        Err(error) => {
            let _alone = seat.alone();
            // The first failure is the one to tell.
            let _ = session.destroy_object(private_handle);
            let _ = session.destroy_object(public_handle);
            Err(error)
        }
    }
}

fn public_template(new: &NewKey) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(key_type(new.algorithm)),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(new.label.as_bytes().to_vec()),
        Attribute::Id(new.id.clone()),
        Attribute::Verify(new.usage == Usage::Sign),
        Attribute::VerifyRecover(false),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
        Attribute::Derive(false),
    ]
}

fn private_template(new: &NewKey, modifiable: bool) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(key_type(new.algorithm)),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Modifiable(modifiable),
        Attribute::Copyable(new.copyable),
        Attribute::Label(new.label.as_bytes().to_vec()),
        Attribute::Id(new.id.clone()),
        Attribute::Sign(new.usage == Usage::Sign),
        Attribute::SignRecover(false),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(new.usage == Usage::Derive),
    ];
    // Not every module knows the attribute; where it is not asked for, its default is false.
    template.extend(new.pin_each_use.then_some(Attribute::AlwaysAuthenticate(true)));
    template
}

fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::Ed25519 => KeyType::EC_EDWARDS,
        Algorithm::Secp256k1 | Algorithm::P256 => KeyType::EC,
    }
}
