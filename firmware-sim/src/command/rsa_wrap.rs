//! RSA wrapping: an AES key of one use under RSAES-OAEP, then what it encrypts with AES-KWP.
//!
//! Source: PKCS #11 3.0, CKM_RSA_AES_KEY_WRAP. The public half of a wrap key takes out, the private half
//! takes in.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::hash::Hash;
use super::keys::aes;
use super::keys::rsa::{self, RsaKey};
use super::oaep::Oaep;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::kwp;
use crate::object::{Kind, Object};
use crate::reader::Reader;

/// What takes out.
pub(super) struct Outward<'a> {
    key: Arc<Object>,
    /// Of the AES key of one use.
    algorithm: Algorithm,
    oaep: Oaep<'a>,
}

impl<'a> Outward<'a> {
    /// Session and key need to export. The rest of `data` is AES algorithm (1), OAEP (1), mask generation
    /// function (1), digest of the label.
    pub(super) fn find(context: &mut Context<'_>, id: u16, mut data: Reader<'a>) -> Result<Self, Code> {
        let key = context.usable(Kind::PublicWrapKey, id, Capabilities::EXPORT_WRAPPED)?;
        let algorithm = Algorithm::try_from(data.u8()?)?;
        let (hash, mgf) = (Hash::of_oaep(data.u8()?)?, Hash::of_mgf(data.u8()?)?);
        let oaep = Oaep::new(context, hash, mgf, data.rest())?;
        if !aes::SYMMETRIC.contains(&algorithm) {
            return Err(Code::InvalidData);
        }
        for algorithm in [key.algorithm, algorithm, Algorithm::AesKwp] {
            context.enabled(algorithm)?;
        }
        Ok(Self { key, algorithm, oaep })
    }

    pub(super) fn key(&self) -> &Object {
        &self.key
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The AES key, encrypted, as long as the modulus; then the rest.
    pub(super) fn seal(&self, context: &mut Context<'_>, plain: &[u8]) -> Result<Vec<u8>, Code> {
        let key = aes::generate(self.algorithm, context.rng)?;
        let mut sealed = self.oaep.seal(context, self.key.body.bytes(), &key)?;
        sealed.extend(kwp::seal(&key, plain)?);
        Ok(sealed)
    }
}

/// What takes in.
pub(super) struct Inward<'a> {
    key: Arc<Object>,
    private: RsaKey,
    oaep: Oaep<'a>,
    sealed: &'a [u8],
}

impl<'a> Inward<'a> {
    /// Session and key need to import. The rest of `data` is OAEP (1), mask generation function (1), what
    /// [`seal`](Outward::seal) made, digest of the label.
    pub(super) fn find(context: &mut Context<'_>, id: u16, mut data: Reader<'a>) -> Result<Self, Code> {
        context.target = id;
        context.grant.needs(Capabilities::IMPORT_WRAPPED)?;
        let key = context.object(Kind::WrapKey, id)?.clone();
        if !rsa::ALGORITHMS.contains(&key.algorithm) {
            return Err(Code::InvalidData);
        }
        if !key.capabilities.contains(Capabilities::IMPORT_WRAPPED) {
            return Err(Code::InsufficientPermissions);
        }
        let (hash, mgf) = (Hash::of_oaep(data.u8()?)?, Hash::of_mgf(data.u8()?)?);
        let sealed = data.all_but(hash.size())?;
        let oaep = Oaep::new(context, hash, mgf, data.rest())?;
        context.enabled(key.algorithm)?;
        context.enabled(Algorithm::AesKwp)?;
        let private = RsaKey::new(key.algorithm, key.body.bytes())?;
        Ok(Self { key, private, oaep, sealed })
    }

    pub(super) fn key(&self) -> &Object {
        &self.key
    }

    /// What was sealed, and the algorithm of the AES key of one use.
    pub(super) fn open(&self, context: &mut Context<'_>) -> Result<(Algorithm, Zeroizing<Vec<u8>>), Code> {
        let (key, sealed) = self.sealed.split_at_checked(self.private.size()).ok_or(Code::WrongLength)?;
        let key = self.oaep.open(context, &self.private, key)?;
        let plain = kwp::open(&key, sealed)?;
        let fits = |algorithm: &Algorithm| aes::length(*algorithm) == Ok(key.len());
        let algorithm = aes::SYMMETRIC.iter().copied().find(fits).ok_or(Code::InvalidData)?;
        context.enabled(algorithm)?;
        Ok((algorithm, plain))
    }
}
