//! The wrap key of a command, and what it does.

use std::sync::Arc;

use ::ccm::consts::U16;
use zeroize::Zeroizing;

use super::keys::aes;
use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::ccm::{self, NONCE};
use crate::context::Context;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::object::{Kind, Object};

/// An AES-CCM wrap key that may do what was asked of it.
pub(super) struct WrapKey(Arc<Object>);

impl WrapKey {
    /// Session and key need the capability. An RSA wrap key is none of these, whatever it may do.
    pub(super) fn find(context: &mut Context<'_>, id: u16, needs: Capabilities) -> Result<Self, Code> {
        context.target = id;
        context.grant.needs(needs)?;
        let key = context.object(Kind::WrapKey, id)?.clone();
        if !aes::WRAP.contains(&key.algorithm) {
            return Err(Code::InvalidData);
        }
        if !key.capabilities.contains(needs) {
            return Err(lacking(needs, context.profile.firmware));
        }
        context.enabled(key.algorithm)?;
        Ok(Self(key))
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// May it move this object? Only one with which it shares a domain, and no more capabilities than are
    /// delegated to it.
    pub(super) fn moves(&self, object: &Object) -> Result<(), Code> {
        moves(&self.0, object)
    }

    /// Nonce (13), ciphertext, tag (16).
    pub(super) fn seal(&self, context: &mut Context<'_>, plain: &[u8]) -> Result<Vec<u8>, Code> {
        let mut nonce = [0; NONCE];
        context.rng.fill_bytes(&mut nonce);
        let mut sealed = nonce.to_vec();
        sealed.extend(ccm::seal::<U16>(self.0.body.bytes(), &nonce, plain)?);
        Ok(sealed)
    }

    /// What [`seal`](Self::seal) was given.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
        let (nonce, sealed) = sealed.split_first_chunk().ok_or(Code::WrongLength)?;
        ccm::open::<U16>(self.0.body.bytes(), nonce, sealed)
    }
}

/// See [`WrapKey::moves`].
pub(super) fn moves(key: &Object, object: &Object) -> Result<(), Code> {
    if key.delegated.contains(object.capabilities) && key.domains.shares(object.domains) {
        Ok(())
    } else {
        Err(Code::InsufficientPermissions)
    }
}

/// Up to 2.4 a key that may not wrap data was called something else.
fn lacking(needs: Capabilities, firmware: Firmware) -> Code {
    let data = [Capabilities::WRAP_DATA, Capabilities::UNWRAP_DATA].contains(&needs);
    if data && firmware < Firmware::V2_5 { Code::InvalidData } else { Code::InsufficientPermissions }
}
