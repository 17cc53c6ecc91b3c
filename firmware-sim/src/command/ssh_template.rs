//! What a template allows an SSH authority's key to sign.
//!
//! Source: <https://github.com/YubicoLabs/yubihsm-ssh-tool> and the vendor's test for Java, whose template has the
//! bounds 0 and ffffffff and lets a certificate through that is valid for ever.

use ::rsa::{Pkcs1v15Sign, PublicKey};

use super::hash::Hash;
use super::keys::rsa;
use crate::algorithm::Algorithm;
use crate::error::Code;
use crate::reader::Reader;

/// A template, read.
pub(super) struct Template {
    clock: PublicKey,
    /// Bytes of the clock's signatures.
    pub signature: usize,
    keys: Vec<u16>,
    /// Seconds before now at which a certificate may begin, unless 0.
    before: u32,
    /// Seconds after now at which a certificate may end, unless ffffffff.
    after: u32,
    forbidden: Vec<Vec<u8>>,
}

/// What a certificate's request asks for.
pub(super) struct Wanted {
    principals: Vec<Vec<u8>>,
    valid_from: u64,
    valid_to: u64,
}

impl Template {
    /// Six fields in this order, each a tag (1), a length (2) and a value: the algorithm of the clock's
    /// key, its modulus, the ids of the authority's keys (2 each), both bounds (4 each), names that no
    /// certificate may have (each ends with a zero).
    pub(super) fn read(body: &[u8]) -> Result<Self, Code> {
        let mut data = Reader::new(body);
        let algorithm = field(&mut data, 1)?.u8()?;
        let signature = rsa::size(Algorithm::try_from(algorithm)?)?;
        let clock = rsa::public_key(field(&mut data, 2)?.bytes(signature)?)?;
        let (keys, rest) = field(&mut data, 3)?.rest().as_chunks();
        let (mut before, mut after) = (field(&mut data, 4)?, field(&mut data, 5)?);
        let names = field(&mut data, 6)?.rest().split(|byte| *byte == 0);
        if !rest.is_empty() {
            return Err(Code::InvalidData);
        }
        Ok(Self {
            clock,
            signature,
            keys: keys.iter().map(|id| u16::from_be_bytes(*id)).collect(),
            before: before.array().map(u32::from_be_bytes)?,
            after: after.array().map(u32::from_be_bytes)?,
            forbidden: names.filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect(),
        })
    }

    /// May the key of this id sign this request? `signature` is the clock's, over the SHA-256 of the
    /// request's SHA-256 and `now`.
    pub(super) fn admit(&self, key: u16, now: u32, signature: &[u8], request: &[u8]) -> Result<(), Code> {
        let wanted = Wanted::read(request)?;
        let digest = Hash::Sha256.digest(&[&Hash::Sha256.digest(&[request]), &now.to_be_bytes()]);
        let scheme = Pkcs1v15Sign {
            hash_len: Some(Hash::Sha256.size()),
            prefix: Hash::Sha256.prefix().into_boxed_slice(),
        };
        let begins = u64::from(now.saturating_sub(self.before));
        let ends = u64::from(now) + u64::from(self.after);
        let fits = self.clock.verify(scheme, &digest, signature).is_ok()
            && self.keys.contains(&key)
            && (self.before == 0 || wanted.valid_from >= begins)
            && (self.after == u32::MAX || wanted.valid_to <= ends)
            && !wanted.principals.iter().any(|name| self.forbidden.contains(name));
        if fits { Ok(()) } else { Err(Code::SshCaConstraintViolation) }
    }
}

impl Wanted {
    /// A certificate of OpenSSH for an RSA key, up to the authority's signature.
    ///
    /// Source: <https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.certkeys>.
    fn read(request: &[u8]) -> Result<Self, Code> {
        let mut data = Reader::new(request);
        if string(&mut data)?.rest() != b"ssh-rsa-cert-v01@openssh.com" {
            return Err(Code::InvalidData);
        }
        // Nonce, exponent, modulus.
        for _ in 0..3 {
            string(&mut data)?;
        }
        // Serial number and type; what the certificate is called.
        data.bytes(8 + 4)?;
        string(&mut data)?;
        let (mut names, mut principals) = (string(&mut data)?, Vec::new());
        while !names.is_empty() {
            principals.push(string(&mut names)?.rest().to_vec());
        }
        Ok(Self { principals, valid_from: data.u64()?, valid_to: data.u64()? })
    }
}

fn field<'a>(data: &mut Reader<'a>, tag: u8) -> Result<Reader<'a>, Code> {
    if data.u8()? != tag {
        return Err(Code::InvalidData);
    }
    let length = data.u16()?;
    data.bytes(length.into()).map(Reader::new)
}

fn string<'a>(data: &mut Reader<'a>) -> Result<Reader<'a>, Code> {
    let length = u32::from_be_bytes(data.array()?);
    data.bytes(usize::try_from(length).map_err(|_| Code::WrongLength)?).map(Reader::new)
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use getrandom::rand_core::UnwrapErr;
    use serde::Deserialize;

    use super::*;
    use crate::command::keys;
    use crate::command::pkcs1::sign_digest;
    use crate::command::vectors::{Hex, vectors};

    #[derive(Deserialize)]
    struct Case {
        key_id: u16,
        p: Hex,
        q: Hex,
        template: Hex,
        now: u32,
        clock: Hex,
        request: Hex,
        answer: Hex,
    }

    fn case() -> Case {
        vectors(include_str!("../../tests/vectors/ssh.json"))
    }

    #[test]
    fn the_vendors_request_is_signed_as_the_hardware_does() -> Result<(), Code> {
        let case = case();
        Template::read(&case.template.0)?.admit(case.key_id, case.now, &case.clock.0, &case.request.0)?;
        let body = keys::import(Algorithm::Rsa2048, &[case.p.0, case.q.0].concat())?;
        let key = rsa::RsaKey::new(Algorithm::Rsa2048, &body)?;
        let digest = Hash::Sha1.digest(&[&case.request.0]);
        let signature = sign_digest(&key, Hash::Sha1, &digest, &mut UnwrapErr(SysRng))?;
        assert_eq!(crate::command::ssh::answer(b"ssh-rsa", &signature)?, case.answer.0);
        Ok(())
    }

    #[test]
    fn what_the_clock_did_not_sign_is_refused() -> Result<(), Code> {
        let case = case();
        let template = Template::read(&case.template.0)?;
        let refused = Err(Code::SshCaConstraintViolation);
        let (now, clock, request) = (case.now, &case.clock.0, &case.request.0);
        assert_eq!(template.admit(case.key_id, now + 1, clock, request), refused);
        assert_eq!(template.admit(6, now, clock, request), refused, "not a key of the template");
        let mut other = request.clone();
        other[600] ^= 1;
        assert_eq!(template.admit(case.key_id, now, clock, &other), refused);
        Ok(())
    }

    #[test]
    fn half_a_template_is_none() {
        let template = case().template.0;
        for end in 0..template.len() {
            assert!(Template::read(&template[..end]).is_err(), "{end}");
        }
    }
}
