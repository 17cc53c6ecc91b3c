//! One key, one role: what a key may sign is part of its type.

use std::marker::PhantomData;

use bursar_core::approval::{Ballot, BreakGlass, Freeze, Lift, Payload, PolicyChange, Signed};
use bursar_core::key::{PublicKey, Signature};
use bursar_core::log::{Checkpoint, SignedCheckpoint};

use super::Handle;

/// Pays. Signs only what the book has reserved.
#[derive(Debug)]
pub enum Account {}
/// Signs checkpoints of the audit log.
#[derive(Debug)]
pub enum Audit {}
/// Signs checkpoints of the embedded ledger.
#[derive(Debug)]
pub enum Node {}

/// Decides on payments, freezes and lifts, and breaks the glass.
#[derive(Debug)]
pub enum Approver {}
/// Decides on policy bundles.
#[derive(Debug)]
pub enum Administrator {}

/// A key in the token, for one role.
#[derive(Debug)]
pub struct RoleKey<R> {
    handle: Handle,
    role: PhantomData<fn() -> R>,
}

/// The key of an account.
pub type AccountKey = RoleKey<Account>;

impl<R> RoleKey<R> {
    /// Only the keyring assigns roles, after it has seen that no key has two.
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle, role: PhantomData }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        self.handle.public()
    }

    /// Its label in the token.
    pub fn label(&self) -> &str {
        self.handle.label()
    }
}

/// Something that a role may sign; its bytes can be mistaken for nothing else.
pub trait Statement: Send + 'static {
    /// Who may make it.
    type Role;
    /// What a verified signature turns it into.
    type Proof: Send + 'static;

    /// The exact bytes to be signed.
    fn signing_bytes(&self) -> Vec<u8>;

    /// Verifies the signature; `None` if it does not hold.
    fn prove(self, key: &PublicKey, signature: &Signature) -> Option<Self::Proof>;
}

/// "The audit log has this root": a C2SP checkpoint with the origin `bursar-audit/HOME`.
#[derive(Debug)]
pub struct AuditCheckpoint(pub Checkpoint);

/// "The ledger has this root": a C2SP checkpoint with the origin `bursar-ledger/ID`.
#[derive(Debug)]
pub struct LedgerCheckpoint(pub Checkpoint);

macro_rules! checkpoint_statement {
    ($statement:ty, $role:ty) => {
        impl Statement for $statement {
            type Role = $role;
            type Proof = SignedCheckpoint;

            fn signing_bytes(&self) -> Vec<u8> {
                self.0.text_to_sign().into_bytes()
            }

            fn prove(self, key: &PublicKey, signature: &Signature) -> Option<SignedCheckpoint> {
                self.0.attach(key, signature).ok()
            }
        }
    };
}

checkpoint_statement!(AuditCheckpoint, Audit);
checkpoint_statement!(LedgerCheckpoint, Node);

macro_rules! personal_statement {
    ($statement:ty, $role:ty) => {
        impl Statement for Payload<$statement> {
            type Role = $role;
            type Proof = Signed<$statement>;

            fn signing_bytes(&self) -> Vec<u8> {
                Payload::signing_bytes(self)
            }

            fn prove(self, key: &PublicKey, signature: &Signature) -> Option<Signed<$statement>> {
                Signed::verify(self, key, signature).ok()
            }
        }
    };
}

personal_statement!(Ballot, Approver);
personal_statement!(BreakGlass, Approver);
personal_statement!(Freeze, Approver);
personal_statement!(Lift, Approver);
personal_statement!(PolicyChange, Administrator);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bursar_core::approval::Statement as _;
    use bursar_core::decode::transfer::Nonce;
    use bursar_core::hex::Hex;
    use ed25519_dalek::Signer;

    /// What a token does, without one.
    fn signed<S: Statement>(statement: S, by: u8, shown: u8) -> Option<S::Proof> {
        let key = |seed: u8| ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        let signature = Signature(key(by).sign(&statement.signing_bytes()).to_bytes());
        statement.prove(&PublicKey::ed25519(key(shown).verifying_key().to_bytes()).unwrap(), &signature)
    }

    #[test]
    fn what_a_person_signs_comes_out_verified_or_not_at_all() {
        let freeze = Payload::encode(Freeze {
            home: Hex([1; 16]),
            account: "payroll".parse().unwrap(),
            approver: "anna".parse().unwrap(),
            why: "token lost".parse().unwrap(),
            signed: "2026-11-22T09:30:00Z".parse().unwrap(),
            nonce: Nonce([2; 16]),
        })
        .unwrap();
        let head = format!("DSSEv1 37 {} ", Freeze::PAYLOAD_TYPE);
        assert!(Statement::signing_bytes(&freeze).starts_with(head.as_bytes()));
        let proof: Signed<Freeze> = signed(freeze.clone(), 1, 1).unwrap();
        assert_eq!(proof.payload(), &freeze);
        assert_eq!(signed(freeze, 1, 2), None);
    }
}
