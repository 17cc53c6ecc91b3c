//! Who approves, who changes the policy, and who stops an account.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use serde::Serialize;
use toml::Spanned;

use super::error::Fault;
use super::raw;
use crate::approval::quorum::Need;
use crate::approval::{Person, Roster, RosterError};
use crate::key::PublicKey;
use crate::name::Name;

/// Somebody who approves, by keys in tokens of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approver {
    /// What people call them.
    pub name: Name,
    /// Each Ed25519 or P-256, and nobody else's.
    pub keys: Vec<PublicKey>,
    /// The names beside their own under which they ask for payments, and approve none of those;
    /// several approvers may have one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub callers: BTreeSet<Name>,
    /// Do their approvals not count any more?
    pub revoked: bool,
}

/// So many administrators have to agree before another bundle comes into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Administrators {
    /// How many.
    pub need: u32,
    /// Each by one key; an administrator's key is no approver's.
    pub keys: BTreeMap<Name, PublicKey>,
}

/// Who stops an account, and who lets it go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// Any one of these stops it.
    pub from: Vec<Name>,
    /// So many of them let it go on.
    pub lift: Need,
}

/// Everybody that the bundle names for a decision.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    pub approvers: BTreeMap<Name, Approver>,
    pub administrators: Option<Administrators>,
    pub break_glass: Option<Need>,
    pub freeze: Option<Freeze>,
    /// The approvers, ready to count their decisions.
    pub roster: Roster,
    /// The administrators, likewise.
    pub offices: Roster,
}

/// What a list of approvers may refer to.
pub(super) struct Lookup<'a> {
    pub approvers: &'a BTreeMap<Name, Approver>,
    pub groups: &'a BTreeMap<Name, Vec<Name>>,
}

/// A quorum is never larger: an envelope carries so many signatures.
pub(super) const MAX_NEED: u32 = 32;
/// Most people that one quorum is asked of.
const MAX_PEOPLE: usize = 1000;
/// Most names in a quorum's list, which messages repeat.
const MAX_LISTED: usize = 32;

impl Lookup<'_> {
    /// So many of a group, or of names; only those count whose keys are not revoked.
    pub(super) fn need(
        &self,
        need: &Spanned<u32>,
        from: Spanned<raw::OneOrMany<Name>>,
    ) -> Result<Need, Fault> {
        let at = from.span();
        let names = from.into_inner().into_vec();
        if names.is_empty() {
            return Err(Fault::new(
                &at,
                "expected who approves: a group or approvers, like from = \"managers\"",
            ));
        }
        if names.len() > MAX_LISTED {
            let what = format_args!(
                "from lists at most {MAX_LISTED} names, not {}; make a group of them",
                names.len()
            );
            return Err(Fault::new(&at, what));
        }
        let people: usize = names.iter().map(|name| self.groups.get(name).map_or(1, Vec::len)).sum();
        if people > MAX_PEOPLE {
            let what = format_args!("a quorum is asked of at most {MAX_PEOPLE} people, not {people}");
            return Err(Fault::new(&at, what));
        }
        let label = names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        let mut members: BTreeSet<&Name> = BTreeSet::new();
        for name in &names {
            let group = self.groups.get(name);
            for member in group.map_or(std::slice::from_ref(name), Vec::as_slice) {
                if !self.approvers.contains_key(member) {
                    let of = group.map(|_| format!("group \"{name}\" holds \"{member}\", who"));
                    return Err(Fault::new(
                        &at,
                        format_args!(
                            "{} is no approver of this policy; add [approvers.\"{member}\"] with the public key of their token",
                            of.unwrap_or_else(|| format!("\"{member}\""))
                        ),
                    ));
                }
                members.insert(member);
            }
        }
        let counted = |name: &&Name| self.approvers.get(*name).is_some_and(|approver| !approver.revoked);
        let from: Vec<Name> = members.into_iter().filter(counted).cloned().collect();
        enough(need, from.len(), &label)?;
        Ok(Need { need: *need.get_ref(), from, label })
    }
}

fn enough(need: &Spanned<u32>, there: usize, label: &str) -> Result<(), Fault> {
    let message = match *need.get_ref() {
        0 => "a quorum of 0 is none; write need = 1 or more".to_owned(),
        more if more > MAX_NEED => format!("a quorum has {MAX_NEED} people at most, not {more}"),
        more if more as usize > there => {
            format!(
                "{more} of {label} can never come together: {there} of them can sign; lower need, or name more people whose keys are not revoked"
            )
        }
        _ => return Ok(()),
    };
    Err(Fault::new(&need.span(), message))
}

/// Reads everybody; one key is one person's, in one role.
pub(super) fn people(
    approvers: Vec<(Spanned<Name>, raw::Approver)>,
    administrators: Option<Spanned<raw::Administrators>>,
    break_glass: Option<Spanned<raw::BreakGlass>>,
    freeze: Option<Spanned<raw::Freeze>>,
    groups: &BTreeMap<Name, Vec<Name>>,
) -> Result<People, Fault> {
    let mut keys = Keys::default();
    let mut found = BTreeMap::new();
    let mut spelled: HashMap<String, Name> = approvers
        .iter()
        .map(|(name, _)| (name.get_ref().as_str().to_lowercase(), name.get_ref().clone()))
        .collect();
    for (name, raw) in approvers {
        let (at, name) = (name.span(), name.into_inner());
        let mut own = Vec::new();
        for key in raw.key.into_iter().chain(raw.keys) {
            keys.take(&key, &format!("the approver {name}"))?;
            own.push(key.into_inner());
        }
        if own.is_empty() {
            return Err(Fault::new(
                &at,
                "an approver needs a key; write key = \"p256:…\", from their own token",
            ));
        }
        let callers = callers(raw.callers, groups, &mut spelled)?;
        found.insert(name.clone(), Approver { name, keys: own, callers, revoked: raw.revoked });
    }
    let lookup = Lookup { approvers: &found, groups };
    let administrators =
        administrators.map(|raw| administrators_of(raw.into_inner(), &mut keys)).transpose()?;
    let break_glass = break_glass
        .map(|raw| {
            let raw = raw.into_inner();
            lookup.need(&raw.need, raw.from)
        })
        .transpose()?;
    let freeze = freeze
        .map(|raw| {
            let raw = raw.into_inner();
            let lift = lookup.need(&raw.lift, raw.from)?;
            Ok::<_, Fault>(Freeze { from: lift.from.clone(), lift })
        })
        .transpose()?;
    let whole = |error: RosterError| Fault::new(&(0..0), error);
    let roster = Roster::new(found.values().cloned()).map_err(whole)?;
    let offices = administrators.iter().flat_map(|all| &all.keys);
    let offices = Roster::new(offices.map(|(name, key)| (name.clone(), vec![*key], false))).map_err(whole)?;
    Ok(People { approvers: found, administrators, break_glass, freeze, roster, offices })
}

impl From<Approver> for Person {
    fn from(Approver { name, keys, callers, revoked }: Approver) -> Self {
        Self { name, keys, callers, revoked }
    }
}

/// The names under which an approver asks: callers, each spelled in one way.
fn callers(
    raw: raw::Names,
    groups: &BTreeMap<Name, Vec<Name>>,
    spelled: &mut HashMap<String, Name>,
) -> Result<BTreeSet<Name>, Fault> {
    if let Some(first) = raw.get(MAX_LISTED) {
        let what = format_args!(
            "an approver has at most {MAX_LISTED} names as a caller, not {}: a caller of config.toml can have several certificates",
            raw.len()
        );
        return Err(Fault::new(&first.span(), what));
    }
    let mut callers = BTreeSet::new();
    for name in raw {
        let (at, name) = (name.span(), name.into_inner());
        if groups.contains_key(&name) {
            let what =
                format_args!("\"{name}\" is a group, and a caller is not; list the callers themselves");
            return Err(Fault::new(&at, what));
        }
        // Whoever reads the bundle would take them for one.
        let first = spelled.entry(name.as_str().to_lowercase()).or_insert_with(|| name.clone());
        if *first != name {
            let what = format_args!(
                "\"{first}\" and \"{name}\" differ in upper and lower case alone; write the caller as config.toml does"
            );
            return Err(Fault::new(&at, what));
        }
        callers.insert(name);
    }
    Ok(callers)
}

fn administrators_of(raw: raw::Administrators, keys: &mut Keys) -> Result<Administrators, Fault> {
    let mut own = BTreeMap::new();
    for (name, key) in raw.keys {
        keys.take(&key, &format!("the administrator {}", name.get_ref()))?;
        own.insert(name.into_inner(), key.into_inner());
    }
    enough(&raw.need, own.len(), "the administrators")?;
    Ok(Administrators { need: raw.need.into_inner(), keys: own })
}

/// Whose each key is.
#[derive(Default)]
struct Keys(HashMap<PublicKey, String>);

impl Keys {
    fn take(&mut self, key: &Spanned<PublicKey>, whose: &str) -> Result<(), Fault> {
        let at: Range<usize> = key.span();
        if matches!(key.get_ref(), PublicKey::Secp256k1(_)) {
            return Err(Fault::new(&at, "people sign with Ed25519 or P-256; secp256k1 is for accounts"));
        }
        match self.0.insert(*key.get_ref(), whose.to_owned()) {
            None => Ok(()),
            Some(first) => Err(Fault::new(
                &at,
                format_args!("{first} has this key already; one key is one person's, in one role"),
            )),
        }
    }
}
