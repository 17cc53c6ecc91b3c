//! Signs with ECDSA.

use super::keys::ec::Curve;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::object::Kind;
use crate::reader::Reader;

/// Bytes of a digest at most: as many as the longest scalar.
const LONGEST: usize = 66;

/// Id (2), digest. A signature in DER.
pub(super) fn sign(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, digest) = (data.u16()?, data.rest());
    let key = context.usable(Kind::AsymmetricKey, id, Capabilities::SIGN_ECDSA)?;
    let curve = Curve::of(key.algorithm)?;
    // Up to 2.0 the client cuts the digest to the length of the curve.
    let longest = if context.profile.firmware < Firmware::V2_1 { curve.size() } else { LONGEST };
    if digest.is_empty() || digest.len() > longest {
        return Err(Code::WrongLength);
    }
    context.enabled(key.algorithm)?;
    context.enabled(operation(digest.len()))?;
    curve.sign(key.body.bytes(), digest, context.rng)
}

/// The operation's algorithm: digests may be cut or filled up, so that the next hash counts.
fn operation(digest: usize) -> Algorithm {
    match digest {
        0..=20 => Algorithm::EcdsaSha1,
        21..=32 => Algorithm::EcdsaSha256,
        33..=48 => Algorithm::EcdsaSha384,
        _ => Algorithm::EcdsaSha512,
    }
}
