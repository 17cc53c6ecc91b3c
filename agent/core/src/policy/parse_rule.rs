//! One rule of the bundle's text to a [`Rule`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use toml::Spanned;

use super::amount_cap::AmountCap;
use super::budget::{Budget, Cap, window};
use super::denial::list;
use super::error::{Fault, Lines};
use super::hours::Hours;
use super::lifetime::Lifetime;
use super::rule::Rule;
use super::scope::{Scope, plain};
use super::{Kind, raw};
use crate::amount::{Amount, Asset};
use crate::intent::Action;
use crate::name::Name;

/// What the rules may refer to, and the names that are taken.
pub(super) struct RuleParser<'a> {
    assets: &'a [Asset],
    recipients: &'a HashMap<Name, u32>,
    groups: &'a BTreeMap<Name, Vec<Name>>,
    lines: &'a Lines,
    taken: HashSet<Name>,
    /// Groups that hold nothing but recipients: each is looked through once.
    of_recipients: HashSet<&'a Name>,
}

impl<'a> RuleParser<'a> {
    pub(super) fn new(
        assets: &'a [Asset],
        recipients: &'a HashMap<Name, u32>,
        groups: &'a BTreeMap<Name, Vec<Name>>,
        lines: &'a Lines,
    ) -> Self {
        Self { assets, recipients, groups, lines, taken: HashSet::new(), of_recipients: HashSet::new() }
    }

    pub(super) fn rule(&mut self, kind: Kind, raw: raw::Rule) -> Result<Rule, Fault> {
        let at = raw.name.span();
        let name = raw.name.into_inner();
        if !self.taken.insert(name.clone()) {
            let message =
                format!("a rule \"{name}\" exists already; budgets are kept by name, choose another");
            return Err(Fault::new(&at, message));
        }
        if kind == Kind::Forbid {
            let conditions = [
                raw.per_payment.as_ref().map(Spanned::span),
                raw.budget.as_ref().map(Spanned::span),
                raw.count.as_ref().map(Spanned::span),
            ];
            if let Some(at) = conditions.into_iter().flatten().next() {
                return Err(Fault::new(
                    &at,
                    "a [[forbid]] has a scope, hours and valid only; use [[limit]] for amounts and counts",
                ));
            }
        }

        let mut asset = None;
        let per_payment = raw
            .per_payment
            .map(|text| self.money(&text, &mut asset).map(|(asset, cap)| AmountCap { asset, cap }))
            .transpose()?;
        let mut budgets = Vec::new();
        if let Some(budget) = raw.budget {
            let (at, budget) = (budget.span(), budget.into_inner());
            let (asset, cap) = self.money(&budget.amount, &mut asset)?;
            budgets.push(Arc::new(Budget {
                name: name.clone(),
                per: budget.per,
                window: window(budget.rolling, budget.calendar, budget.zone, &at)?,
                cap: Cap::Amount(asset, cap),
            }));
        }
        if let Some(count) = raw.count {
            let (at, count) = (count.span(), count.into_inner());
            budgets.push(Arc::new(Budget {
                name: name.clone(),
                per: count.per,
                window: window(count.rolling, count.calendar, count.zone, &at)?,
                cap: Cap::Count(count.max),
            }));
        }
        let hours = raw.hours.map(|hours| {
            let at = hours.span();
            Hours::parse(hours.into_inner(), &at)
        });
        Ok(Rule {
            kind,
            line: self.lines.line(at.start),
            name,
            action: raw.action.unwrap_or(Action::Pay),
            scope: Scope {
                accounts: raw.accounts.map(plain),
                assets: self.assets_of(raw.assets, asset.as_ref())?,
                recipients: self.recipients_of(raw.recipients)?,
                categories: raw.categories.map(plain),
                callers: raw.callers.map(plain),
            },
            per_payment,
            budgets,
            hours: hours.transpose()?,
            lifetime: raw.valid.map(|valid| Lifetime::parse(valid.into_inner())).transpose()?,
        })
    }

    /// An amount with its asset's name, the same asset throughout one rule.
    fn money(&self, text: &Spanned<String>, rule: &mut Option<Asset>) -> Result<(Asset, Amount), Fault> {
        let at = text.span();
        let text = text.get_ref();
        let Some((_, name)) = text.split_once(' ') else {
            return Err(Fault::new(&at, "expected an amount with its asset, like \"50.00 EUR\""));
        };
        let asset = self.asset(name).ok_or_else(|| self.unknown_asset(name, &at))?;
        let amount = asset.parse(text).map_err(|error| Fault::new(&at, error))?;
        match rule {
            Some(other) if other != asset => {
                let message =
                    format!("this rule counts {} already; make a rule for each asset", other.name());
                Err(Fault::new(&at, message))
            }
            _ => {
                *rule = Some(asset.clone());
                Ok((asset.clone(), amount))
            }
        }
    }

    fn asset(&self, name: &str) -> Option<&'a Asset> {
        self.assets.iter().find(|asset| asset.name().as_str() == name)
    }

    fn unknown_asset(&self, name: &str, at: &std::ops::Range<usize>) -> Fault {
        let known = match self.assets {
            [] => "none yet; add [assets.EUR] with decimals = 2".to_owned(),
            assets => list(assets.iter().map(Asset::name)),
        };
        let name: String = name.chars().take(64).collect();
        Fault::new(at, format_args!("\"{name}\" is no asset of this policy; it has {known}"))
    }

    /// The list of assets; amounts imply it.
    fn assets_of(
        &self,
        list: Option<Spanned<raw::Names>>,
        implied: Option<&Asset>,
    ) -> Result<Option<Vec<Name>>, Fault> {
        let Some(list) = list else { return Ok(implied.map(|asset| vec![asset.name().clone()])) };
        let at = list.span();
        let list = list.into_inner();
        if let Some(unknown) = list.iter().find(|name| self.asset(name.get_ref().as_str()).is_none()) {
            return Err(self.unknown_asset(unknown.get_ref().as_str(), &unknown.span()));
        }
        let names = plain(list);
        match implied {
            Some(asset) if names.as_slice() != std::slice::from_ref(asset.name()) => {
                let message =
                    format!("the amounts of this rule are in {0}; write assets = [\"{0}\"]", asset.name());
                Err(Fault::new(&at, message))
            }
            _ => Ok(Some(names)),
        }
    }

    /// The list of recipients, each known; groups hold recipients only.
    fn recipients_of(&mut self, names: Option<raw::Names>) -> Result<Option<Vec<Name>>, Fault> {
        let Some(names) = names else { return Ok(None) };
        for name in &names {
            match self.groups.get_key_value(name.get_ref()) {
                Some((group, _)) if self.of_recipients.contains(group) => {}
                Some((group, members)) => {
                    if let Some(stranger) =
                        members.iter().find(|member| !self.recipients.contains_key(*member))
                    {
                        let message = format!(
                            "group \"{group}\" holds \"{stranger}\", which is no recipient of this policy"
                        );
                        return Err(Fault::new(&name.span(), message));
                    }
                    self.of_recipients.insert(group);
                }
                None if self.recipients.contains_key(name.get_ref()) => {}
                None => {
                    let message = format!(
                        "\"{0}\" is no recipient or group of this policy; add [recipients.\"{0}\"] with its address",
                        name.get_ref()
                    );
                    return Err(Fault::new(&name.span(), message));
                }
            }
        }
        Ok(Some(plain(names)))
    }
}
