//! Who has which keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::signed::may_decide;
use crate::key::PublicKey;
use crate::name::Name;

/// The people who may decide, and their keys; a key belongs to one person.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    people: BTreeMap<Name, Person>,
    keys: HashMap<PublicKey, Name>,
    /// By the name of a caller: who asks under it.
    asking: HashMap<Name, BTreeSet<Name>>,
}

/// A person and their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As in the policy bundle.
    pub name: Name,
    /// Ed25519 or P-256; with none of them the person cannot decide.
    pub keys: Vec<PublicKey>,
    /// The names beside their own under which they ask for payments; others may share one.
    pub callers: BTreeSet<Name>,
    /// Nothing that the person signs counts any more.
    pub revoked: bool,
}

/// Why people and keys are not a roster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// One name twice.
    #[error("the person {0} is listed twice; list all keys of a person in one place")]
    NameTwice(Name),
    /// One key twice.
    #[error(
        "the key {key} is listed for {first} and for {second}; each person needs keys of their own, each listed once"
    )]
    KeyTwice {
        /// The key.
        key: PublicKey,
        /// Whose it is.
        first: Name,
        /// Who has it, too; perhaps the same.
        second: Name,
    },
    /// Not an algorithm of people's keys.
    #[error(
        "the key {key} of {name} cannot decide: people sign with ed25519 or p256; generate such a key with `bursar key generate`"
    )]
    Algorithm {
        /// Whose it is.
        name: Name,
        /// The key.
        key: PublicKey,
    },
}

/// A person who asks under no name but their own: name, keys, whether they are revoked.
impl From<(Name, Vec<PublicKey>, bool)> for Person {
    fn from((name, keys, revoked): (Name, Vec<PublicKey>, bool)) -> Self {
        Self { name, keys, callers: BTreeSet::new(), revoked }
    }
}

impl Roster {
    /// From people, each with a name and keys that nobody else has.
    pub fn new<P: Into<Person>>(people: impl IntoIterator<Item = P>) -> Result<Self, RosterError> {
        let mut roster = Self::default();
        for person in people.into_iter().map(Into::into) {
            let name = person.name.clone();
            for key in &person.keys {
                if !may_decide(key) {
                    return Err(RosterError::Algorithm { name, key: *key });
                }
                if let Some(first) = roster.keys.insert(*key, name.clone()) {
                    return Err(RosterError::KeyTwice { key: *key, first, second: name });
                }
            }
            for caller in person.callers.iter().chain([&name]) {
                roster.asking.entry(caller.clone()).or_default().insert(name.clone());
            }
            if roster.people.insert(name.clone(), person).is_some() {
                return Err(RosterError::NameTwice(name));
            }
        }
        Ok(roster)
    }

    /// Who asks for payments under this name, and so never approves what was asked under it: the
    /// person of the name, and whoever has it among their `callers`. Every check of that asks here.
    pub fn asking_as(&self, caller: &Name) -> &BTreeSet<Name> {
        static NOBODY: BTreeSet<Name> = BTreeSet::new();
        self.asking.get(caller).unwrap_or(&NOBODY)
    }

    /// Whose key this is.
    pub fn owner(&self, key: &PublicKey) -> Option<&Person> {
        self.keys.get(key).and_then(|name| self.people.get(name))
    }

    /// The person of this name.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.get(name)
    }

    /// Everybody, by name.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }
}
