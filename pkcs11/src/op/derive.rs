//! ECDH on P-256: NIST SP 800-56A section 5.7.1.2, the shared secret is the x coordinate.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use p256::elliptic_curve::sec1::ToSec1Point;
use zeroize::{Zeroize, Zeroizing};

use crate::pool::Shared;
use crate::pool::seat::Seat;
use crate::{Algorithm, Error, Key, Usage};

/// The peer's point in the form that every module takes (NSS no other): uncompressed. Refuses what is
/// not on the curve: a point off it would leak the private key.
pub(crate) fn peer(key: &Key, sec1: &[u8]) -> Result<Vec<u8>, Error> {
    if key.usage() != Usage::Derive || key.algorithm() != Algorithm::P256 {
        return Err(Error::Unsupported(format!(
            "key {:?} does not derive: use a P-256 key that was generated to derive",
            key.label()
        )));
    }
    let point = p256::PublicKey::from_sec1_bytes(sec1)
        .map_err(|_| Error::Unsupported("the peer's key is no point of P-256".to_owned()))?;
    Ok(point.to_sec1_point(false).as_bytes().to_vec())
}

pub(crate) fn derive(
    shared: &Shared,
    seat: &mut Seat,
    key: &Key,
    peer: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let base = seat.handle(shared, key)?;
    let session = &seat.session;
    let parameters = Ecdh1DeriveParams::new(EcKdf::null(), peer);
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::ValueLen(32.into()),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
    ];
    let secret = session.derive_key(&Mechanism::Ecdh1Derive(parameters), base, &template)?;
    let value = value(session, secret);
    // The secret does not stay in the session, whatever came of reading it.
    session.destroy_object(secret)?;
    value
}

fn value(session: &Session, secret: ObjectHandle) -> Result<Zeroizing<Vec<u8>>, Error> {
    for attribute in session.get_attributes(secret, &[AttributeType::Value])? {
        if let Attribute::Value(mut bytes) = attribute {
            if bytes.len() == 32 {
                return Ok(Zeroizing::new(bytes));
            }
            bytes.zeroize();
        }
    }
    Err(Error::Unsupported(
        "the token does not give the derived secret: use another token for this key".to_owned(),
    ))
}
