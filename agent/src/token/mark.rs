//! For which role a key was made, kept in its CKA_ID or, in a YubiHSM, as its domain, so that another home with the same token knows
//! it, too: one key, one role.
//!
//! A key that `bursar` did not make for a role, or made before there were marks, has none; then its
//! label alone tells, where it is one that `bursar init` gives.

use bursar_core::key::PublicKey;

use super::{Handle, TokenError};

/// Bytes of a key's CKA_ID: the mark, and the rest random, so that no two keys share one.
pub const ID: usize = 16;

/// The role that a key was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Pays.
    Account,
    /// Signs checkpoints of the audit log.
    Audit,
    /// Signs checkpoints of the embedded ledger.
    Node,
    /// Decides on payments.
    Approver,
    /// Decides on policy bundles.
    Administrator,
    /// Opens shares; derives and does not sign.
    Holder,
}

impl Mark {
    pub(super) const ALL: [Self; 6] =
        [Self::Account, Self::Audit, Self::Node, Self::Approver, Self::Administrator, Self::Holder];

    /// What the role is called, which is also the label that `bursar init` gives its key; accounts have
    /// names of their own.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Audit => "audit",
            Self::Node => "node",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
            Self::Holder => "holder",
        }
    }

    fn tag(self) -> &'static [u8; 4] {
        match self {
            Self::Account => b"acct",
            Self::Audit => b"audt",
            Self::Node => b"node",
            Self::Approver => b"appr",
            Self::Administrator => b"admn",
            Self::Holder => b"hold",
        }
    }

    /// The id of a new key: [`ID`] random bytes, the first ones replaced.
    pub(super) fn id(self, mut random: Vec<u8>) -> Vec<u8> {
        random.iter_mut().zip(self.tag()).for_each(|(byte, tag)| *byte = *tag);
        random
    }

    pub(super) fn of_id(id: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| id.len() == ID && id.starts_with(mark.tag()))
    }

    /// Of an account's key the label tells nothing.
    fn of_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| *mark != Self::Account && mark.word() == label)
    }

    /// Refuses a key that was made for another role.
    pub(super) fn check(self, key: &Handle) -> Result<(), TokenError> {
        self.agrees(key.made(), key.label(), key.public())
    }

    /// Refuses a key that another home has in another role, as far as the token tells.
    pub(super) fn check_found(self, key: &Handle) -> Result<(), TokenError> {
        if !key.made().is_empty() {
            return self.check(key);
        }
        self.agrees(Self::of_label(key.label()).as_slice(), key.label(), key.public())
    }

    /// A key that was made for several roles has none: whatever it is asked for as, a home of another
    /// role signs with it, too.
    fn agrees(self, made: &[Self], label: &str, key: &PublicKey) -> Result<(), TokenError> {
        match made.iter().find(|made| **made != self) {
            Some(made) => Err(TokenError::OtherRole {
                label: label.to_owned(),
                key: Box::new(*key),
                made: made.word(),
                asked: self.word(),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        for mark in Mark::ALL {
            let id = mark.id(vec![7; ID]);
            assert_eq!((id.len(), Mark::of_id(&id)), (ID, Some(mark)));
            assert!(id.ends_with(&[7; ID - 4]));
        }
        for other in [vec![], vec![7; ID], b"appr".to_vec(), Mark::Node.id(vec![7; ID + 1])] {
            assert_eq!(Mark::of_id(&other), None, "{other:?}");
        }
    }

    #[test]
    fn another_role_is_refused() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let key = PublicKey::ed25519(key.verifying_key().to_bytes()).unwrap();
        for mark in Mark::ALL {
            for made in Mark::ALL {
                assert_eq!(mark.agrees(&[made], "x", &key).is_ok(), mark == made);
                assert_eq!(mark.agrees(&[mark, made], "x", &key).is_ok(), mark == made, "two roles");
            }
            assert!(mark.agrees(&[], "x", &key).is_ok());
        }
        for (label, mark) in
            [("approver", Some(Mark::Approver)), ("node", Some(Mark::Node)), ("account", None), ("x", None)]
        {
            assert_eq!(Mark::of_label(label), mark, "{label}");
        }
    }
}
