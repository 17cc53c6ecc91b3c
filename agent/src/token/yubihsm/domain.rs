//! Roles as domains, and the least that each may do.
//!
//! An object of the device is in some of 16 domains, and an authentication key reaches the objects that
//! share one with it. Here each role has one: the domain is at once the mark of what a key was made for,
//! and the fence round what a home's authentication key can use.

use ::yubihsm::{Capability, Domain};

use super::super::mark::Mark;

impl Mark {
    /// The role's own domain.
    pub(super) fn domain(self) -> Domain {
        match self {
            Self::Account => Domain::DOM1,
            Self::Audit => Domain::DOM2,
            Self::Node => Domain::DOM3,
            Self::Approver => Domain::DOM4,
            Self::Administrator => Domain::DOM5,
            Self::Holder => Domain::DOM6,
        }
    }

    /// The roles whose homes reach an object of these domains.
    pub(super) fn of_domains(domains: Domain) -> Vec<Self> {
        Self::ALL.into_iter().filter(|mark| domains.contains(mark.domain())).collect()
    }
}

/// Where data objects are: they belong to the audit log.
pub(super) const DATA: Mark = Mark::Audit;

/// What the authentication key of a home with these roles may do: use their keys, keep what it
/// remembers, take the log over, and have its keys attested. It makes, exports, deletes and changes no
/// key, and passes nothing on.
pub(super) fn least(roles: &[Mark]) -> Capability {
    let mut all = Capability::GET_LOG_ENTRIES | Capability::SIGN_ATTESTATION_CERTIFICATE;
    for role in roles {
        all |= match role {
            Mark::Holder => Capability::DERIVE_ECDH,
            _ => Capability::SIGN_EDDSA | Capability::SIGN_ECDSA,
        };
        if *role == DATA {
            all |= Capability::GET_OPAQUE | Capability::PUT_OPAQUE | Capability::DELETE_OPAQUE;
        }
    }
    // The device's own attestation certificate is an opaque object.
    all | Capability::GET_OPAQUE
}

/// What the authentication key that sets homes up may do: make their keys and their authentication keys,
/// which get no more than is [`least`].
pub(super) fn provision() -> Capability {
    Capability::PUT_AUTHENTICATION_KEY
        | Capability::GENERATE_ASYMMETRIC_KEY
        | Capability::DELETE_AUTHENTICATION_KEY
        | Capability::DELETE_ASYMMETRIC_KEY
        | Capability::GET_PSEUDO_RANDOM
}

/// The domains of these roles together.
pub(super) fn domains(roles: &[Mark]) -> Domain {
    roles.iter().fold(Domain::empty(), |all, role| all | role.domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_domain_of_its_own() {
        assert_eq!(domains(&Mark::ALL).bits().count_ones() as usize, Mark::ALL.len());
        for mark in Mark::ALL {
            assert_eq!(Mark::of_domains(mark.domain()), [mark]);
        }
        assert_eq!(Mark::of_domains(Domain::DOM1 | Domain::DOM2), [Mark::Account, Mark::Audit]);
        assert_eq!(Mark::of_domains(Domain::DOM1 | Domain::DOM16), [Mark::Account]);
        assert_eq!(Mark::of_domains(Domain::DOM16), []);
    }

    #[test]
    fn no_home_can_make_export_or_change_anything() {
        let most = least(&Mark::ALL);
        let allowed = Capability::SIGN_EDDSA
            | Capability::SIGN_ECDSA
            | Capability::DERIVE_ECDH
            | Capability::GET_OPAQUE
            | Capability::PUT_OPAQUE
            | Capability::DELETE_OPAQUE
            | Capability::GET_LOG_ENTRIES
            | Capability::SIGN_ATTESTATION_CERTIFICATE;
        assert_eq!(most, allowed);
        let approver = least(&[Mark::Approver]);
        assert!(
            !approver
                .intersects(Capability::PUT_OPAQUE | Capability::DELETE_OPAQUE | Capability::DERIVE_ECDH)
        );
    }
}
