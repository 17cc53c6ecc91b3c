//! The hashes that RSA's paddings use.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::algorithm::Algorithm;
use crate::error::Code;

/// A hash, in the order in which the vendor numbers what uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The one whose digests have this length.
    pub(super) fn of_digest(digest: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.size() == digest.len())
    }

    /// The one of a mask generation function.
    pub(super) fn of_mgf(mgf: u8) -> Result<Self, Code> {
        let mgf = Algorithm::try_from(mgf)?;
        Self::ALL.into_iter().find(|hash| hash.mgf() == mgf).ok_or(Code::InvalidData)
    }

    /// The one of an OAEP.
    pub(super) fn of_oaep(oaep: u8) -> Result<Self, Code> {
        let oaep = Algorithm::try_from(oaep)?;
        Self::ALL.into_iter().find(|hash| hash.oaep() == oaep).ok_or(Code::InvalidData)
    }

    /// Bytes of a digest.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of the parts.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut hash = D::new();
            parts.iter().for_each(|part| hash.update(part));
            hash.finalize().to_vec()
        }
        match self {
            Self::Sha1 => of::<Sha1>(parts),
            Self::Sha256 => of::<Sha256>(parts),
            Self::Sha384 => of::<Sha384>(parts),
            Self::Sha512 => of::<Sha512>(parts),
        }
    }

    /// MGF1 (RFC 8017 B.2.1): a mask over these bytes.
    pub(super) fn mask(self, seed: &[u8], bytes: &mut [u8]) {
        for (counter, chunk) in (0u32..).zip(bytes.chunks_mut(self.size())) {
            let mask = self.digest(&[seed, &counter.to_be_bytes()]);
            chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        }
    }

    /// A DigestInfo up to its digest (RFC 8017 9.2, note 1).
    pub(super) fn prefix(self) -> Vec<u8> {
        let oid: &[u8] = match self {
            Self::Sha1 => &[0x2b, 0x0e, 0x03, 0x02, 0x1a],
            Self::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Self::Sha384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Self::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        };
        // Every length is below 128, so that it is one byte.
        let (oid_length, size) = (oid.len().to_le_bytes()[0], self.size().to_le_bytes()[0]);
        let mut prefix = vec![0x30, 8 + oid_length + size, 0x30, 4 + oid_length, 0x06, oid_length];
        prefix.extend(oid);
        prefix.extend([0x05, 0x00, 0x04, size]);
        prefix
    }

    /// Its PKCS #1 v1.5 signatures.
    pub(super) fn pkcs1(self) -> Algorithm {
        self.choose([
            Algorithm::RsaPkcs1Sha1,
            Algorithm::RsaPkcs1Sha256,
            Algorithm::RsaPkcs1Sha384,
            Algorithm::RsaPkcs1Sha512,
        ])
    }

    /// Its PSS signatures.
    pub(super) fn pss(self) -> Algorithm {
        self.choose([
            Algorithm::RsaPssSha1,
            Algorithm::RsaPssSha256,
            Algorithm::RsaPssSha384,
            Algorithm::RsaPssSha512,
        ])
    }

    /// Its OAEP.
    pub(super) fn oaep(self) -> Algorithm {
        self.choose([
            Algorithm::RsaOaepSha1,
            Algorithm::RsaOaepSha256,
            Algorithm::RsaOaepSha384,
            Algorithm::RsaOaepSha512,
        ])
    }

    /// Its mask generation function.
    pub(super) fn mgf(self) -> Algorithm {
        self.choose([
            Algorithm::Mgf1Sha1,
            Algorithm::Mgf1Sha256,
            Algorithm::Mgf1Sha384,
            Algorithm::Mgf1Sha512,
        ])
    }

    fn choose(self, [sha1, sha256, sha384, sha512]: [Algorithm; 4]) -> Algorithm {
        match self {
            Self::Sha1 => sha1,
            Self::Sha256 => sha256,
            Self::Sha384 => sha384,
            Self::Sha512 => sha512,
        }
    }
}
