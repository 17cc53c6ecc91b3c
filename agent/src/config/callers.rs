//! `[callers]`: who is on the other end of a connection, by user id, group id or certificate.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::hash::Hash;

use bursar_core::name::Name;
use bursar_core::text::OneOrMany;
use serde::Deserialize;

use crate::book::turned_away::STRANGERS;
use crate::caller::{Identity, Role, Roles, User};
use crate::tls::fingerprint::Fingerprint;

/// One `[callers.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallerText {
    uid: Option<u32>,
    gid: Option<u32>,
    #[serde(default)]
    certificate: OneOrMany<Fingerprint>,
    roles: Option<Roles>,
}

/// Every caller that the configuration names.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    users: HashMap<u32, Identity>,
    groups: HashMap<u32, Identity>,
    certificates: HashMap<Fingerprint, Identity>,
}

impl Callers {
    pub(super) fn read(text: BTreeMap<Name, CallerText>) -> Result<Self, String> {
        let mut callers = Self::default();
        let mut names: HashMap<String, Name> = HashMap::new();
        for (name, caller) in text {
            // Turned away, strangers stand in the log as `uid 1000`; no name may look like that.
            if STRANGERS.iter().any(|prefix| name.as_str().starts_with(prefix)) {
                return Err(format!(
                    "no caller can be called {:?}; take a name that is no user id and no certificate",
                    name.as_str()
                ));
            }
            // Whoever reads the log or approves would take them for one.
            if let Some(other) = names.insert(name.as_str().to_lowercase(), name.clone()) {
                return Err(format!(
                    "the callers {other} and {name} differ in upper and lower case alone; take one name for one person"
                ));
            }
            let roles = caller.roles.unwrap_or(Roles::of(&[Role::Requester]));
            if roles.is_empty() {
                return Err(format!(
                    "the caller {name} has no role and may do nothing; name one in `roles`, or leave that out for requester"
                ));
            }
            let identity = Identity { name, roles, user: None };
            let certificates = caller.certificate.into_vec();
            match (caller.uid, caller.gid, certificates.as_slice()) {
                (None, Some(gid), []) => add(&mut callers.groups, "group id", gid, identity)?,
                (None, None, []) | (_, Some(_), _) => {
                    return Err(format!(
                        "the caller {} needs `uid`, `certificate` or both, which are one person, or else `gid`, which is a group",
                        identity.name
                    ));
                }
                (uid, None, _) => {
                    if let Some(uid) = uid {
                        add(&mut callers.users, "user id", uid, identity.clone())?;
                    }
                    for certificate in certificates {
                        add(&mut callers.certificates, "certificate", certificate, identity.clone())?;
                    }
                }
            }
        }
        Ok(callers)
    }

    /// From the lines of a configuration that stand in `[callers]`.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string()).and_then(Self::read)
    }

    /// A user on this machine, by its id; failing that by its primary group.
    pub fn of_user(&self, uid: u32, gid: u32) -> Option<Identity> {
        let own = self.users.get(&uid).map(|identity| (identity, false));
        let (identity, shares) = own.or_else(|| self.groups.get(&gid).map(|group| (group, true)))?;
        Some(Identity { user: Some(User { uid, shares }), ..identity.clone() })
    }

    /// The user that this process runs as, as the agent of the home would see it.
    pub fn of_process(&self) -> Option<Identity> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        self.of_user(uid.as_raw(), gid.as_raw())
    }

    /// The other end of a TLS connection.
    pub fn of_certificate(&self, certificate: &Fingerprint) -> Option<&Identity> {
        self.certificates.get(certificate)
    }

    /// Is this the name of a whole group?
    pub fn is_shared(&self, name: &Name) -> bool {
        self.groups.values().any(|identity| identity.name == *name)
    }

    /// Every caller, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Identity> {
        let all = self.users.values().chain(self.groups.values()).chain(self.certificates.values());
        let by_name: BTreeMap<&Name, &Identity> = all.map(|identity| (&identity.name, identity)).collect();
        by_name.into_values()
    }
}

fn add<K: Copy + Eq + Hash + Display>(
    callers: &mut HashMap<K, Identity>,
    what: &str,
    key: K,
    identity: Identity,
) -> Result<(), String> {
    match callers.insert(key, identity.clone()) {
        None => Ok(()),
        Some(first) => Err(format!(
            "the callers {} and {} have one {what}, {key}; each needs its own",
            first.name, identity.name
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn read(text: &str) -> Result<Callers, String> {
        Callers::of_text(text)
    }

    fn name(found: Option<&Identity>) -> Option<&str> {
        found.map(|identity| identity.name.as_str())
    }

    fn user(callers: &Callers, uid: u32, gid: u32) -> Option<(String, User)> {
        let found = callers.of_user(uid, gid)?;
        Some((found.name.to_string(), found.user?))
    }

    #[test]
    fn a_user_id_comes_before_a_group_id() {
        let callers = read(&format!(
            "[anna]\nuid = 1000\nroles = [\"approver\", \"auditor\"]\n[clerks]\ngid = 100\n[phone]\ncertificate = \"{ABC}\""
        ))
        .unwrap();
        for (uid, gid, who) in [
            (1000, 100, Some("anna")),
            (1000, 7, Some("anna")),
            (1001, 100, Some("clerks")),
            (100, 1000, None),
            (0, 0, None),
        ] {
            let found = user(&callers, uid, gid);
            // Only a whole group shares its name.
            let shares = who == Some("clerks");
            let expected = who.map(|who| (who.to_owned(), User { uid, shares }));
            assert_eq!(found, expected, "{uid} {gid}");
        }
        assert_eq!(name(callers.of_certificate(&Fingerprint::of(b"abc"))), Some("phone"));
        assert_eq!(name(callers.of_certificate(&Fingerprint::of(b"abd"))), None);
        assert_eq!(callers.of_user(1000, 0).unwrap().roles, Roles::of(&[Role::Approver, Role::Auditor]));
        assert_eq!(callers.of_user(1, 100).unwrap().roles, Roles::of(&[Role::Requester]), "if none is named");
        assert_eq!(callers.iter().count(), 3);
    }

    /// Under one name, since nobody approves what they have asked for themselves.
    #[test]
    fn a_person_has_one_name_on_this_machine_and_on_another() {
        let other = Fingerprint::of(b"abd");
        for certificates in [format!("\"{ABC}\""), format!("[\"{ABC}\", \"{other}\"]")] {
            let callers = read(&format!("[anna]\nuid = 1000\ncertificate = {certificates}")).unwrap();
            assert_eq!(user(&callers, 1000, 7), Some(("anna".to_owned(), User { uid: 1000, shares: false })));
            assert_eq!(name(callers.of_certificate(&Fingerprint::of(b"abc"))), Some("anna"));
            let several = certificates.starts_with('[');
            assert_eq!(name(callers.of_certificate(&other)), several.then_some("anna"));
            assert_eq!(callers.iter().count(), 1);
        }
    }

    #[test]
    fn refuses_what_says_two_things_or_nothing() {
        for (text, says) in [
            ("[a]\n".to_owned(), "needs `uid`, `certificate` or both"),
            ("[a]\nuid = 1\ngid = 1".to_owned(), "needs `uid`, `certificate` or both"),
            (format!("[a]\ngid = 1\ncertificate = \"{ABC}\""), "needs `uid`, `certificate` or both"),
            (
                format!("[a]\nuid = 1\ncertificate = \"{ABC}\"\n[b]\ncertificate = \"{ABC}\""),
                "have one certificate",
            ),
            (
                format!("[a]\ncertificate = [\"{ABC}\", \"{ABC}\"]"),
                "the callers a and a have one certificate",
            ),
            ("[a]\ncertificate = []".to_owned(), "needs `uid`, `certificate` or both"),
            ("[a]\ncertificate = 7".to_owned(), "a text or a list of texts"),
            ("[a]\nuid = 1\n[b]\nuid = 1".to_owned(), "one user id, 1"),
            ("[a]\ngid = 1\n[b]\ngid = 1".to_owned(), "one group id, 1"),
            (
                format!("[a]\ncertificate = \"{ABC}\"\n[b]\ncertificate = \"{ABC}\""),
                "have one certificate, sha256:ba78",
            ),
            ("[a]\ncertificate = \"ba78\"".to_owned(), "64 hex digits"),
            ("[Anna]\nuid = 1\n[anna]\nuid = 2".to_owned(), "differ in upper and lower case alone"),
            ("[a]\nuid = -1".to_owned(), "-1"),
            ("[a]\nuid = 1\nroles = []".to_owned(), "has no role"),
            ("[a]\nuid = 1\nroles = [\"root\"]".to_owned(), "unknown variant `root`"),
            ("[a]\nuid = 1\nrole = \"node\"".to_owned(), "unknown field `role`"),
            ("[\"uid 7\"]\nuid = 1".to_owned(), "no user id"),
            ("[\"certificate 7\"]\nuid = 1".to_owned(), "no certificate"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        // A user and a group may have one number.
        assert!(read("[a]\nuid = 1\n[b]\ngid = 1").is_ok());
    }
}
