//! Text to policy: the only place where names are looked up slowly and faults are found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest, Sha256};
use toml::Spanned;

use super::error::{Fault, Lines};
use super::index::Index;
use super::lifetime::Lifetime;
use super::parse_rule::{Found, RuleParser};
use super::purpose::Purpose;
use super::{Kind, Policy, PolicyError, Recipient, people, raw};
use crate::amount::Asset;
use crate::intent::LedgerId;
use crate::key::PublicKey;
use crate::name::Name;

/// Longest text in bytes.
pub const MAX_TEXT: usize = 16 << 20;
/// Most rules of all kinds.
pub const MAX_RULES: usize = 10_000;
/// Most recipients.
pub const MAX_RECIPIENTS: usize = 1_000_000;
/// Most categories of one recipient, and those that one asset is for: what a payment may cost to judge.
const MAX_CATEGORIES: usize = 64;
const MAX_ONLY: usize = 1000;

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    if text.len() > MAX_TEXT {
        // The text is not worth a walk to the line.
        return Err(PolicyError {
            line: 1,
            column: 1,
            message: format!("the policy has {} bytes; it may have at most {MAX_TEXT}", text.len()),
        });
    }
    bundle(text).map_err(|fault| fault.locate(text))
}

fn bundle(text: &str) -> Result<Policy, Fault> {
    let mut raw: raw::Bundle = toml::from_str(text)?;
    let version = version(raw.version.as_ref())?;
    let (assets, bound) = assets(std::mem::take(&mut raw.assets))?;
    let asset_ids: HashMap<Name, u32> = (0..).zip(&assets).map(|(i, a)| (a.name().clone(), i)).collect();
    let (mut recipients, mut by_address) = recipients(std::mem::take(&mut raw.recipients))?;
    let by_name: HashMap<Name, u32> = (0..).zip(&recipients).map(|(i, r)| (r.name.clone(), i)).collect();
    let purposes = purposes(bound, |name| recipients.get(*by_name.get(name)? as usize).map(|r| r.address))?;
    let ledgers = ledgers(std::mem::take(&mut raw.ledgers))?;
    let payers = payers(std::mem::take(&mut raw.payers))?;
    let approvers = in_order(std::mem::take(&mut raw.approvers));
    let groups = {
        let categories: BTreeSet<&Name> =
            recipients.iter().flat_map(|recipient| &recipient.categories).collect();
        let payers: BTreeSet<&Name> = payers.values().collect();
        let approvers: BTreeSet<&Name> = approvers.iter().map(|(name, _)| name.get_ref()).collect();
        let taken = |name: &Name| {
            [
                (asset_ids.contains_key(name), "an asset"),
                (by_name.contains_key(name), "a recipient"),
                (categories.contains(name), "a category"),
                (ledgers.contains_key(name), "a ledger"),
                (payers.contains(name), "a payer"),
                (approvers.contains(name), "an approver"),
            ]
            .into_iter()
            .find_map(|(taken, what)| taken.then_some(what))
        };
        groups(std::mem::take(&mut raw.groups), taken)?
    };
    let people = people::people(
        approvers,
        raw.administrators.take(),
        raw.break_glass.take(),
        raw.freeze.take(),
        &groups,
    )?;

    let mut written: Vec<(Kind, raw::Rule)> = Vec::new();
    written.extend(raw.forbid.into_iter().map(|rule| (Kind::Forbid, rule)));
    written.extend(raw.allow.into_iter().map(|rule| (Kind::Allow, rule)));
    written.extend(raw.limit.into_iter().map(|rule| (Kind::Limit, rule)));
    if let Some((_, rule)) = written.get(MAX_RULES) {
        let message = format!("the policy has {} rules; it may have at most {MAX_RULES}", written.len());
        return Err(Fault::new(&rule.name.span(), message));
    }
    let mut order: Vec<(usize, u32)> =
        (0..).zip(&written).map(|(i, (_, rule))| (rule.name.span().start, i)).collect();
    order.sort_unstable();

    let lines = Lines::of(text);
    let found = Found {
        assets: &assets,
        asset_ids: &asset_ids,
        recipients: &by_name,
        groups: &groups,
        ledgers: &ledgers,
    };
    let mut parser = RuleParser::new(found, &people.approvers, &lines);
    let rules =
        written.into_iter().map(|(kind, rule)| parser.rule(kind, rule)).collect::<Result<Vec<_>, _>>()?;
    let index = Index::build(&rules, &groups, &ledgers, &mut recipients)?;
    for (position, row) in by_address.values_mut() {
        *row = recipients.get(*position as usize).map_or(0, |recipient| recipient.class);
    }
    let asset_classes = assets.iter().map(|asset| index.asset_class(asset)).collect();
    Ok(Policy {
        text: text.to_owned(),
        hash: Sha256::digest(text).into(),
        version,
        assets,
        asset_ids,
        asset_classes,
        recipients,
        by_name,
        by_address,
        purposes,
        ledgers,
        payers,
        people,
        groups,
        rules,
        order: order.into_iter().map(|(_, i)| i).collect(),
        index,
    })
}

fn version(raw: Option<&Spanned<i64>>) -> Result<u64, Fault> {
    match raw {
        None => Err(Fault::new(&(0..0), "expected the policy's version; write version = 1 at the top")),
        Some(number) => match u64::try_from(*number.get_ref()) {
            Ok(version @ 1..) => Ok(version),
            _ => Err(Fault::new(&number.span(), "expected a version of 1 or more")),
        },
    }
}

/// Entries of a table in the order of the file.
fn in_order<V>(table: BTreeMap<Spanned<Name>, V>) -> Vec<(Spanned<Name>, V)> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

type Bound = Vec<(Name, raw::Asset)>;

/// The assets, and what the text says of those that are bound to a purpose.
fn assets(raw: BTreeMap<Spanned<Name>, raw::Asset>) -> Result<(Vec<Asset>, Bound), Fault> {
    let (mut assets, mut bound) = (Vec::new(), Vec::new());
    for (name, raw) in in_order(raw) {
        let name = name.into_inner();
        let asset = Asset::new(name.clone(), *raw.decimals.get_ref())
            .map_err(|error| Fault::new(&raw.decimals.span(), error))?;
        assets.push(asset);
        if raw.only.is_some() || raw.redeemer.is_some() || raw.valid.is_some() {
            bound.push((name, raw));
        }
    }
    Ok((assets, bound))
}

fn purposes(
    bound: Bound,
    address: impl Fn(&Name) -> Option<PublicKey>,
) -> Result<HashMap<Name, Purpose>, Fault> {
    let mut purposes = HashMap::new();
    for (name, raw) in bound {
        let redeemer = match raw.redeemer {
            None => None,
            Some(redeemer) if raw.only.is_none() => {
                let what = "a redeemer takes back what is bound to categories; add only = [\"…\"]";
                return Err(Fault::new(&redeemer.span(), what));
            }
            Some(redeemer) => {
                let at = redeemer.span();
                let redeemer = redeemer.into_inner();
                let address = address(&redeemer).ok_or_else(|| {
                    Fault::new(&at, format_args!(
                        "\"{redeemer}\" is no recipient of this policy; add [recipients.\"{redeemer}\"] with its address"
                    ))
                })?;
                Some((redeemer, address))
            }
        };
        if let Some(more) = raw.only.as_ref().and_then(|only| only.get(MAX_ONLY)) {
            let only = raw.only.as_ref().map_or(0, Vec::len);
            let what = format_args!("an asset is for at most {MAX_ONLY} categories, not {only}");
            return Err(Fault::new(&more.span(), what));
        }
        let lifetime = raw.valid.map(|valid| Lifetime::parse(valid.into_inner())).transpose()?;
        purposes.insert(name, Purpose { only: raw.only.map(super::scope::plain), redeemer, lifetime });
    }
    Ok(purposes)
}

fn ledgers(raw: BTreeMap<Spanned<Name>, Spanned<LedgerId>>) -> Result<BTreeMap<Name, LedgerId>, Fault> {
    let mut ledgers: BTreeMap<Name, LedgerId> = BTreeMap::new();
    let mut known: HashMap<LedgerId, Name> = HashMap::new();
    for (name, id) in in_order(raw) {
        if let Some(other) = known.insert(*id.get_ref(), name.get_ref().clone()) {
            return Err(Fault::new(
                &id.span(),
                format_args!("\"{other}\" is this ledger already; name it once"),
            ));
        }
        ledgers.insert(name.into_inner(), id.into_inner());
    }
    Ok(ledgers)
}

fn payers(raw: BTreeMap<Spanned<Name>, raw::Payer>) -> Result<HashMap<PublicKey, Name>, Fault> {
    let mut payers = HashMap::with_capacity(raw.len());
    for (name, payer) in in_order(raw) {
        let at = payer.address.span();
        if let Some(other) = payers.insert(payer.address.into_inner(), name.into_inner()) {
            let message = format!("\"{other}\" has this address already; an address belongs to one payer");
            return Err(Fault::new(&at, message));
        }
    }
    Ok(payers)
}

type ByAddress = HashMap<PublicKey, (u32, u32)>;

fn recipients(raw: BTreeMap<Spanned<Name>, raw::Recipient>) -> Result<(Vec<Recipient>, ByAddress), Fault> {
    let mut by_address: ByAddress = HashMap::with_capacity(raw.len());
    let mut recipients: Vec<Recipient> = Vec::with_capacity(raw.len());
    for (name, recipient) in in_order(raw) {
        if recipients.len() == MAX_RECIPIENTS {
            let message = format!("the policy may have at most {MAX_RECIPIENTS} recipients");
            return Err(Fault::new(&name.span(), message));
        }
        let at = recipient.address.span();
        let address = recipient.address.into_inner();
        if let Some((other, _)) = by_address.insert(address, (recipients.len() as u32, 0)) {
            let other = recipients.get(other as usize).map_or("another", |other| other.name.as_str());
            let message =
                format!("\"{other}\" has this address already; an address belongs to one recipient");
            return Err(Fault::new(&at, message));
        }
        if let Some(more) = recipient.categories.get(MAX_CATEGORIES) {
            let found = recipient.categories.len();
            let what = format_args!("a recipient has at most {MAX_CATEGORIES} categories, not {found}");
            return Err(Fault::new(&more.span(), what));
        }
        let mut categories: Vec<Name> = Vec::with_capacity(recipient.categories.len());
        for category in recipient.categories {
            if categories.contains(category.get_ref()) {
                return Err(Fault::new(&category.span(), "this category is listed twice; remove one"));
            }
            categories.push(category.into_inner());
        }
        recipients.push(Recipient { name: name.into_inner(), address, categories, class: 0 });
    }
    Ok((recipients, by_address))
}

/// A group's name is nobody else's: a list that means the one would hold the members of the other.
fn groups(
    raw: BTreeMap<Spanned<Name>, raw::Names>,
    taken: impl Fn(&Name) -> Option<&'static str>,
) -> Result<BTreeMap<Name, Vec<Name>>, Fault> {
    let names: BTreeSet<Name> = raw.keys().map(|name| name.get_ref().clone()).collect();
    let mut groups = BTreeMap::new();
    for (name, members) in in_order(raw) {
        if let Some(what) = taken(name.get_ref()) {
            let message = format!("\"{}\" is {what}'s name already; give the group another", name.get_ref());
            return Err(Fault::new(&name.span(), message));
        }
        if let Some(nested) = members.iter().find(|member| names.contains(member.get_ref())) {
            let message =
                format!("\"{}\" is a group; a group holds names only, list its members", nested.get_ref());
            return Err(Fault::new(&nested.span(), message));
        }
        groups.insert(name.into_inner(), super::scope::plain(members));
    }
    Ok(groups)
}
