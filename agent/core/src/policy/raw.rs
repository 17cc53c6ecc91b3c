//! The bundle as TOML spells it, with the place of every value, before names are resolved.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::budget::Per;
use super::hours::{ClockTime, Day};
use super::window::{CalendarUnit, Rolling};
use super::zone::Zone;
use crate::intent::Action;
use crate::key::PublicKey;
use crate::name::Name;

pub(super) type Names = Vec<Spanned<Name>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bundle {
    pub version: Option<Spanned<i64>>,
    #[serde(default)]
    pub groups: BTreeMap<Spanned<Name>, Names>,
    #[serde(default)]
    pub assets: BTreeMap<Spanned<Name>, Asset>,
    #[serde(default)]
    pub recipients: BTreeMap<Spanned<Name>, Recipient>,
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
pub(super) struct Rule {
    pub name: Spanned<Name>,
    pub action: Option<Action>,
    pub accounts: Option<Names>,
    pub assets: Option<Spanned<Names>>,
    pub recipients: Option<Names>,
    pub categories: Option<Names>,
    pub callers: Option<Names>,
    pub per_payment: Option<Spanned<String>>,
    pub budget: Option<Spanned<Budget>>,
    pub count: Option<Spanned<Count>>,
    pub hours: Option<Spanned<Hours>>,
    pub valid: Option<Spanned<Valid>>,
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
