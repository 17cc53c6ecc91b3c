//! People with keys, and what they sign; signatures by crates that the product does not sign with.

use bursar_core::approval::{
    ApprovalError, Asked, Ballot, Batch, Item, Payload, Roster, Signed, Statement, Verdict, Vote,
};
use bursar_core::hex::Hex;
use bursar_core::intent::LedgerId;
use bursar_core::key::{PublicKey, Signature};
use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use ed25519_dalek::Signer;

/// Somebody with one key, made from a number.
pub enum Signing {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
}

impl Signing {
    pub fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    pub fn p256(seed: u8) -> Self {
        Self::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub fn secp256k1(seed: u8) -> Self {
        Self::Secp256k1(k256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub fn public(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => PublicKey::ed25519(key.verifying_key().to_bytes()).unwrap(),
            Self::P256(key) => {
                let point = key.verifying_key().to_sec1_point(true);
                PublicKey::p256(point.as_bytes().try_into().unwrap()).unwrap()
            }
            Self::Secp256k1(key) => {
                let point = key.verifying_key().to_sec1_point(true);
                PublicKey::secp256k1(point.as_bytes().try_into().unwrap()).unwrap()
            }
        }
    }

    pub fn bytes(&self, message: &[u8]) -> Signature {
        match self {
            Self::Ed25519(key) => Signature(key.sign(message).to_bytes()),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                Signature(signature.normalize_s().to_bytes().into())
            }
            Self::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key.sign(message);
                Signature(signature.normalize_s().to_bytes().into())
            }
        }
    }

    pub fn sign<T: Statement>(&self, payload: Payload<T>) -> Result<Signed<T>, ApprovalError> {
        let signature = self.bytes(&payload.signing_bytes());
        Signed::verify(payload, &self.public(), &signature)
    }
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When everything here is signed and counted.
pub fn now() -> Timestamp {
    at("2026-11-22T09:30:00Z")
}

/// A waiting payment.
pub fn item(request: u64) -> Item {
    let mut digest = [0x22; 32];
    digest[..8].copy_from_slice(&request.to_be_bytes());
    Item {
        home: Hex([0xab; 16]),
        request,
        account: name("payroll"),
        ledger: LedgerId([0x11; 32]),
        digest: Hex(digest),
        policy: Hex([0x33; 32]),
        expires: at("2026-11-25T12:00:00Z"),
        requester: Some(name("rita")),
        uid: Some(1000),
    }
}

/// The same payment, asked for by Rita.
pub fn asked(request: u64) -> Asked {
    Asked { item: item(request), requester: name("rita") }
}

/// A ballot on these items, signed now, for an hour.
pub fn ballot(batch: &Batch, who: &str, verdict: Verdict, why: &str) -> Payload<Ballot> {
    let why = why.parse().unwrap();
    batch.ballot(name(who), verdict, why, now(), now().plus_millis(3_600_000)).unwrap()
}

/// One vote on one item.
pub fn vote(signing: &Signing, who: &str, verdict: Verdict, item: Item) -> Vote {
    let batch = Batch::new(vec![item]).unwrap();
    let why = if verdict == Verdict::Refuse { "not agreed" } else { "" };
    batch.votes(&signing.sign(ballot(&batch, who, verdict, why)).unwrap()).unwrap().remove(0)
}

/// Anna signs with Ed25519, Ben with P-256, Rita asks, Rex is revoked, Mute has no key.
pub fn roster() -> Roster {
    Roster::new([
        (name("anna"), vec![Signing::ed25519(1).public(), Signing::p256(11).public()], false),
        (name("ben"), vec![Signing::p256(2).public()], false),
        (name("rita"), vec![Signing::ed25519(3).public()], false),
        (name("rex"), vec![Signing::ed25519(4).public()], true),
        (name("mute"), Vec::new(), false),
    ])
    .unwrap()
}
