//! RSAES-OAEP, with the digest of a label that the client gives.
//!
//! Source: RFC 8017 7.1.

use zeroize::Zeroizing;

use super::hash::Hash;
use super::keys::rsa::{self, RsaKey};
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// Id (2), mask generation function (1), ciphertext as long as the modulus, digest of the label.
pub(super) fn decrypt(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let (id, mgf) = (data.u16()?, data.u8()?);
    let object = context.usable(Kind::AsymmetricKey, id, Capabilities::DECRYPT_OAEP)?;
    context.enabled(object.algorithm)?;
    let key = RsaKey::new(object.algorithm, object.body.bytes())?;
    let (ciphertext, label) = (data.bytes(key.size())?, data.rest());
    let hash = Hash::of_digest(label).ok_or(Code::WrongLength)?;
    let oaep = Oaep::new(context, hash, Hash::of_mgf(mgf)?, label)?;
    oaep.open(context, &key, ciphertext).map(|message| message.to_vec())
}

/// A padding.
pub(super) struct Oaep<'a> {
    hash: Hash,
    mgf: Hash,
    label: &'a [u8],
}

impl<'a> Oaep<'a> {
    /// `label` is its digest. Both hashes must be on.
    pub(super) fn new(context: &Context<'_>, hash: Hash, mgf: Hash, label: &'a [u8]) -> Result<Self, Code> {
        if label.len() != hash.size() {
            return Err(Code::WrongLength);
        }
        context.enabled(hash.oaep())?;
        context.enabled(mgf.mgf())?;
        Ok(Self { hash, mgf, label })
    }

    /// Decrypts.
    pub(super) fn open(
        &self,
        context: &mut Context<'_>,
        key: &RsaKey,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Code> {
        let mut padded = key.apply(ciphertext, context.rng)?;
        let Some((0x00, padded)) = padded.split_first_mut() else { return Err(Code::InvalidData) };
        let (seed, block) = padded.split_at_mut_checked(self.hash.size()).ok_or(Code::InvalidData)?;
        self.mgf.mask(block, seed);
        self.mgf.mask(seed, block);
        let rest = block.strip_prefix(self.label).ok_or(Code::InvalidData)?;
        let end = rest.iter().position(|byte| *byte != 0).ok_or(Code::InvalidData)?;
        let Some((0x01, message)) = rest.get(end..).and_then(<[u8]>::split_first) else {
            return Err(Code::InvalidData);
        };
        Ok(message.to_vec().into())
    }

    /// Encrypts for whoever has the private half of this modulus.
    pub(super) fn seal(
        &self,
        context: &mut Context<'_>,
        modulus: &[u8],
        message: &[u8],
    ) -> Result<Vec<u8>, Code> {
        let zeros = modulus.len().checked_sub(2 * self.hash.size() + message.len() + 2);
        let zeros = vec![0; zeros.ok_or(Code::InvalidData)?];
        let mut padded = Zeroizing::new(vec![0; 1 + self.hash.size()]);
        padded.extend([self.label, &zeros, &[0x01], message].into_iter().flatten());
        let (_, masked) = padded.split_first_mut().ok_or(Code::InvalidData)?;
        let (seed, block) = masked.split_at_mut_checked(self.hash.size()).ok_or(Code::InvalidData)?;
        context.rng.fill_bytes(seed);
        self.mgf.mask(seed, block);
        self.mgf.mask(block, seed);
        rsa::encrypt(modulus, &padded)
    }
}
