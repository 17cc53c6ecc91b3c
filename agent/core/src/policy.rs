//! The spend policy: text to [`Policy`], and [`judge`].
//!
//! One TOML bundle names assets, recipients with their categories, groups and rules. Scope
//! (action, selectors, ledger, accounts, payers, assets, recipients, categories, callers, roles)
//! selects; an absent list takes everything, but for the action of an allow, which is `pay` then.
//! Every `[[forbid]]` that matches denies, the first `[[allow]]` in the order of the file that
//! matches decides, and the conditions of every `[[limit]]` that matches must hold, too. No match
//! is a denial. One file per kind of condition:
//!
//! | condition | file |
//! |---|---|
//! | `per_payment` | `amount_cap.rs` |
//! | `budget`, `count` | `budget.rs`, over a `window.rs`; kept by [`Counters`] |
//! | `hours` | `hours.rs` |
//! | `spacing` | `spacing.rs` |
//! | `fee_cap` | `fee_cap.rs` |
//! | `first_payment` | `first_payment.rs` |
//! | `approvals` | `quorum.rs` |
//! | `valid` | `lifetime.rs` |
//! | an asset's `only`, `redeemer`, `valid` | `purpose.rs` |
//!
//! For people who write policies, all of it by judging as the agent does:
//!
//! | question | answer |
//! |---|---|
//! | what does every rule say of a payment? | [`explain`] |
//! | what would be allowed instead? | [`instead`] |
//! | what could a thief do? | [`stolen`] |
//! | does the bundle say what it is expected to? | [`Cases`] |
//! | which past payments would flip? | [`Replay`] |
//!
//! Two bundles are compared in [`diff`].

mod amount_cap;
mod budget;
mod bundle_view;
mod cases;
mod counters;
mod denial;
pub mod diff;
mod draw;
mod error;
mod explain;
mod fee_cap;
mod first_payment;
mod history;
mod hours;
mod index;
mod instead;
mod judge;
mod lifetime;
mod nearest;
mod parse;
mod parse_rule;
mod people;
mod purpose;
mod quorum;
mod raw;
mod replay;
mod rule;
mod scope;
mod spacing;
mod stolen;
mod view;
mod warning;
mod window;
mod zone;

use std::collections::{BTreeMap, HashMap};

pub use budget::{Per, Quantity};
pub use bundle_view::{AssetView, BundleView};
pub use cases::{Cases, CasesError, Difference, Tried};
pub use counters::{Counters, Left, Span, Standing, Unmet};
pub use denial::{Denial, DenialCode};
pub use draw::Draw;
pub use error::PolicyError;
pub use explain::{ConditionFinding, Explanation, RuleFinding, explain};
pub use history::Past;
pub use instead::{Change, Instead, instead};
pub use judge::{Permit, Question, Verdict, judge};
pub use parse::{MAX_RECIPIENTS, MAX_RULES, MAX_TEXT};
pub use people::{Administrators, Approver, Freeze};
pub use quorum::Wanted;
pub use replay::{Answer, Flip, Replay, Said};
pub use rule::Kind;
pub use stolen::{
    Capacity, Ceiling, Most, Power, Reach, Recipients, Stolen, Stretch, TooLarge, Total, Victim, stolen,
};
pub use view::RuleView;
pub use warning::Warning;
pub use window::{CalendarUnit, Rolling, RollingError, Window};
pub use zone::{Zone, ZoneError};

use crate::amount::Asset;
use crate::approval::Roster;
use crate::approval::quorum::Need;
use crate::intent::LedgerId;
use crate::key::PublicKey;
use crate::name::Name;

/// A policy bundle that was read whole; it never changes.
#[derive(Debug)]
pub struct Policy {
    text: String,
    hash: [u8; 32],
    version: u64,
    assets: Vec<Asset>,
    asset_ids: HashMap<Name, u32>,
    /// The index's class of each asset.
    asset_classes: Vec<u32>,
    recipients: Vec<Recipient>,
    by_name: HashMap<Name, u32>,
    /// Position in `recipients`, and row in the index: judging needs no look at the recipient.
    by_address: HashMap<PublicKey, (u32, u32)>,
    groups: BTreeMap<Name, Vec<Name>>,
    /// What assets are bound to, by asset.
    purposes: HashMap<Name, purpose::Purpose>,
    ledgers: BTreeMap<Name, LedgerId>,
    payers: HashMap<PublicKey, Name>,
    people: people::People,
    /// Forbids, allows, limits; each kind in the order of the file.
    rules: Vec<rule::Rule>,
    /// Positions in `rules` in the order of the file.
    order: Vec<u32>,
    index: index::Index,
}

/// Somebody who can be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// What people call it.
    pub name: Name,
    /// Its address: these bytes alone decide that a payment is to this recipient.
    pub address: PublicKey,
    /// What it is; the policy's word, never the requester's.
    pub categories: Vec<Name>,
    /// Its row in the index.
    class: u32,
}

impl Policy {
    /// Reads a bundle: at most [`MAX_TEXT`] bytes, [`MAX_RULES`] rules, [`MAX_RECIPIENTS`]
    /// recipients. Unknown fields, unknown names and repeated names are refused.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        parse::policy(text)
    }

    /// SHA-256 of the text.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bundle's version, from 1.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The asset of this name.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.get(*self.asset_ids.get(name)? as usize)
    }

    fn asset_and_class(&self, name: &Name) -> Option<(&Asset, u32)> {
        let id = *self.asset_ids.get(name)? as usize;
        Some((self.assets.get(id)?, *self.asset_classes.get(id)?))
    }

    /// All assets in the order of the file.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter()
    }

    /// The recipient of this name.
    pub fn recipient(&self, name: &str) -> Option<&Recipient> {
        self.recipients.get(*self.by_name.get(name)? as usize)
    }

    /// The recipient with this address.
    pub fn recipient_at(&self, key: &PublicKey) -> Option<&Recipient> {
        self.recipient_and_row(key).map(|(recipient, _)| recipient)
    }

    fn recipient_and_row(&self, key: &PublicKey) -> Option<(&Recipient, u32)> {
        let (position, row) = *self.by_address.get(key)?;
        Some((self.recipients.get(position as usize)?, row))
    }

    /// All recipients in the order of the file.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.recipients.iter()
    }

    /// All groups by name, with their members.
    pub fn groups(&self) -> impl Iterator<Item = (&Name, &[Name])> {
        self.groups.iter().map(|(name, members)| (name, members.as_slice()))
    }

    /// All ledgers by name.
    pub fn ledgers(&self) -> impl Iterator<Item = (&Name, &LedgerId)> {
        self.ledgers.iter()
    }

    /// The payer with this key, of whom payments may be endorsed.
    pub fn payer(&self, key: &PublicKey) -> Option<&Name> {
        self.payers.get(key)
    }

    /// Is this asset bound to a purpose?
    pub fn is_bound(&self, asset: &Name) -> bool {
        self.purposes.contains_key(asset)
    }

    /// Everybody who approves, revoked ones included.
    pub fn approvers(&self) -> impl Iterator<Item = &Approver> {
        self.people.approvers.values()
    }

    /// The approvers and their keys, to count their decisions.
    pub fn roster(&self) -> &Roster {
        &self.people.roster
    }

    /// The administrators and their keys, to count their decisions.
    pub fn administrator_roster(&self) -> &Roster {
        &self.people.offices
    }

    /// Who changes the bundle; without any, whoever can write the home folder does.
    pub fn administrators(&self) -> Option<&Administrators> {
        self.people.administrators.as_ref()
    }

    /// Who puts another bundle in force for a day when the administrators cannot be reached.
    pub fn break_glass(&self) -> Option<&Need> {
        self.people.break_glass.as_ref()
    }

    /// Who stops an account and who lets it go on, if the bundle says so.
    pub fn freeze(&self) -> Option<&Freeze> {
        self.people.freeze.as_ref()
    }

    /// Who may stop an account: those whom the bundle names, or else every approver.
    pub fn freezers(&self) -> Vec<Name> {
        match self.freeze() {
            Some(freeze) => freeze.from.clone(),
            None => self.approvers().filter(|one| !one.revoked).map(|one| one.name.clone()).collect(),
        }
    }

    /// How many let an account go on: as the bundle says, or else more than half of its approvers.
    pub fn lift_need(&self) -> Need {
        match self.freeze() {
            Some(freeze) => freeze.lift.clone(),
            None => {
                let from = self.freezers();
                let need = u32::try_from(from.len() / 2 + 1).unwrap_or(u32::MAX);
                Need { need, from, label: "the approvers".to_owned() }
            }
        }
    }

    /// Does any rule treat the first payment to a recipient differently?
    pub fn minds_first_payments(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.first_payment.is_some() || rule.quorums.iter().any(|quorum| quorum.first))
    }

    /// Does any rule ask people to approve?
    pub fn asks_people(&self) -> bool {
        self.rules.iter().any(|rule| !rule.quorums.is_empty())
    }

    /// The name under which an approver asks that differs from this one in upper and lower case alone.
    pub fn almost_asking_as(&self, caller: &Name) -> Option<&Name> {
        let folded = caller.as_str().to_lowercase();
        let mut names = self.approvers().flat_map(|approver| approver.callers.iter().chain([&approver.name]));
        names.find(|name| *name != caller && name.as_str().to_lowercase() == folded)
    }

    /// Does any payer have this name?
    pub fn has_payer(&self, name: &Name) -> bool {
        self.payers.values().any(|payer| payer == name)
    }

    /// Is this a group's name? An account or a caller of that name could never be meant by a rule,
    /// which would be about the group's members instead: whoever configures names asks first.
    pub fn group_named(&self, name: &str) -> bool {
        self.groups.contains_key(name)
    }

    /// All rules in the order of the file, for people to see.
    pub fn rules(&self) -> impl Iterator<Item = RuleView> {
        self.rules_in_order().map(RuleView::of)
    }

    fn rules_in_order(&self) -> impl Iterator<Item = &rule::Rule> {
        self.order.iter().filter_map(|i| self.rules.get(*i as usize))
    }

    /// What is legal and surely not meant: rules that can never allow, or never come to bear.
    pub fn warnings(&self) -> Vec<Warning> {
        warning::warnings(self)
    }
}
