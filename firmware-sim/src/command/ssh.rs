//! Signs SSH certificates, with RSA keys, as far as a template allows it.

use super::hash::Hash;
use super::keys::rsa::RsaKey;
use super::pkcs1;
use super::ssh_template::Template;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), template's id (2), algorithm (1), seconds since 1970 (4), the clock's signature, the
/// certificate without its own. The certificate's signature as SSH has it, with both lengths.
pub(super) fn sign(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, template, algorithm) = (data.u16()?, data.u16()?, data.u8()?);
    let object = context.usable(Kind::AsymmetricKey, id, Capabilities::SIGN_SSH_CERTIFICATE)?;
    let template = Template::read(context.second_object(Kind::Template, template)?.body.bytes())?;
    context.algorithm = Some(object.algorithm);
    let key = RsaKey::new(object.algorithm, object.body.bytes())?;
    let algorithm = Algorithm::try_from(algorithm)?;
    let (name, hash): (&[u8], _) = match algorithm {
        Algorithm::RsaPkcs1Sha1 => (b"ssh-rsa", Hash::Sha1),
        Algorithm::RsaPkcs1Sha256 => (b"rsa-sha2-256", Hash::Sha256),
        Algorithm::RsaPkcs1Sha512 => (b"rsa-sha2-512", Hash::Sha512),
        _ => return Err(Code::InvalidData),
    };
    context.enabled(object.algorithm)?;
    context.enabled(algorithm)?;
    let now = u32::from_be_bytes(data.array()?);
    let (clock, request) = (data.bytes(template.signature)?, data.rest());
    template.admit(id, now, clock, request)?;
    let signature = pkcs1::sign_digest(&key, hash, &hash.digest(&[request]), context.rng)?;
    answer(name, &signature)
}

/// A signature as SSH has it: what it is called, then it.
pub(super) fn answer(name: &[u8], signature: &[u8]) -> Result<Vec<u8>, Code> {
    string(&[string(name)?, string(signature)?].concat())
}

/// A length (4), and as many bytes.
fn string(bytes: &[u8]) -> Result<Vec<u8>, Code> {
    let length = u32::try_from(bytes.len()).map_err(|_| Code::WrongLength)?;
    Ok([&length.to_be_bytes(), bytes].concat())
}
