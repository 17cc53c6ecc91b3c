//! The bundle as TOML spells it, with the place of every value, before names are resolved.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::budget::Per;
use super::hours::{ClockTime, Day};
use super::window::{CalendarUnit, Rolling};
use super::zone::Zone;
use crate::intent::{Action, LedgerId, Selector};
use crate::key::PublicKey;
use crate::name::Name;
use crate::role::Role;
pub(super) use crate::text::OneOrMany;

pub(super) type Names = Vec<Spanned<Name>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Bundle {
    pub version: Option<Spanned<i64>>,
    #[serde(default)]
    pub groups: BTreeMap<Spanned<Name>, Names>,
    #[serde(default)]
    pub ledgers: BTreeMap<Spanned<Name>, Spanned<LedgerId>>,
    #[serde(default)]
    pub payers: BTreeMap<Spanned<Name>, Payer>,
    #[serde(default)]
    pub assets: BTreeMap<Spanned<Name>, Asset>,
    #[serde(default)]
    pub recipients: BTreeMap<Spanned<Name>, Recipient>,
    #[serde(default)]
    pub approvers: BTreeMap<Spanned<Name>, Approver>,
    pub administrators: Option<Spanned<Administrators>>,
    pub break_glass: Option<Spanned<BreakGlass>>,
    pub freeze: Option<Spanned<Freeze>>,
    #[serde(default)]
    pub allow: Vec<Rule>,
    #[serde(default)]
    pub limit: Vec<Rule>,
    #[serde(default)]
    pub forbid: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asset {
    pub decimals: Spanned<u8>,
    pub only: Option<Names>,
    pub redeemer: Option<Spanned<Name>>,
    pub valid: Option<Spanned<Valid>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipient {
    pub address: Spanned<PublicKey>,
    #[serde(default)]
    pub categories: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payer {
    pub address: Spanned<PublicKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approver {
    pub key: Option<Spanned<PublicKey>>,
    #[serde(default)]
    pub keys: Vec<Spanned<PublicKey>>,
    #[serde(default)]
    pub callers: Names,
    #[serde(default)]
    pub revoked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Administrators {
    pub need: Spanned<u32>,
    pub keys: BTreeMap<Spanned<Name>, Spanned<PublicKey>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakGlass {
    pub need: Spanned<u32>,
    pub from: Spanned<OneOrMany<Name>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freeze {
    pub from: Spanned<OneOrMany<Name>>,
    pub lift: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub name: Spanned<Name>,
    pub action: Option<Spanned<OneOrMany<Action>>>,
    pub selectors: Option<Spanned<Vec<Selector>>>,
    pub ledger: Option<Spanned<OneOrMany<Name>>>,
    pub accounts: Option<Names>,
    pub payers: Option<Names>,
    pub assets: Option<Spanned<Names>>,
    pub recipients: Option<Names>,
    pub categories: Option<Names>,
    pub callers: Option<Names>,
    pub roles: Option<Vec<Role>>,
    pub per_payment: Option<Spanned<String>>,
    pub fee_cap: Option<Spanned<String>>,
    pub first_payment: Option<Spanned<String>>,
    pub budget: Option<Spanned<Budget>>,
    pub count: Option<Spanned<Count>>,
    pub spacing: Option<Spanned<Spacing>>,
    pub hours: Option<Spanned<Hours>>,
    pub valid: Option<Spanned<Valid>>,
    pub approvals: Option<Spanned<Vec<Spanned<Approval>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Budget {
    pub amount: Spanned<String>,
    pub per: Option<Per>,
    pub rolling: Option<Rolling>,
    pub calendar: Option<CalendarUnit>,
    pub zone: Option<Spanned<Zone>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    pub max: u32,
    pub per: Option<Per>,
    pub rolling: Option<Rolling>,
    pub calendar: Option<CalendarUnit>,
    pub zone: Option<Spanned<Zone>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spacing {
    pub at_least: Rolling,
    pub per: Option<Per>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hours {
    pub from: Option<ClockTime>,
    pub to: Option<ClockTime>,
    pub days: Option<Vec<Day>>,
    pub zone: Option<Zone>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Valid {
    pub from: Option<Spanned<Datetime>>,
    pub until: Option<Spanned<Datetime>>,
    pub zone: Option<Zone>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    pub need: Spanned<u32>,
    pub from: Spanned<OneOrMany<Name>>,
    pub above: Option<Spanned<String>>,
    #[serde(default)]
    pub first_payment: bool,
}
