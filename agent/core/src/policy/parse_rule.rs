//! One rule of the bundle's text to a [`Rule`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use toml::Spanned;

use super::amount_cap::AmountCap;
use super::budget::{Budget, Cap, window};
use super::denial::list;
use super::error::{Fault, Lines};
use super::fee_cap::FeeCap;
use super::first_payment::FirstPayment;
use super::hours::Hours;
use super::lifetime::Lifetime;
use super::people::{Approver, Lookup};
use super::quorum::Quorum;
use super::rule::Rule;
use super::scope::{Scope, plain};
use super::spacing::spacing;
use super::{Kind, raw};
use crate::amount::{Amount, Asset};
use crate::approval::quorum::{Need, feasible};
use crate::intent::{Action, LedgerId, Selector};
use crate::name::Name;

/// What the rules may refer to, and the names that are taken.
pub(super) struct RuleParser<'a> {
    assets: &'a [Asset],
    asset_ids: &'a HashMap<Name, u32>,
    recipients: &'a HashMap<Name, u32>,
    groups: &'a BTreeMap<Name, Vec<Name>>,
    ledgers: &'a BTreeMap<Name, LedgerId>,
    approvers: &'a BTreeMap<Name, Approver>,
    lines: &'a Lines,
    taken: HashSet<Name>,
    /// Groups that hold nothing but recipients: each is looked through once.
    of_recipients: HashSet<&'a Name>,
    /// So many people are named by the quorums so far.
    asked: usize,
}

/// What stands in the bundle's other tables.
pub(super) struct Found<'a> {
    pub assets: &'a [Asset],
    pub asset_ids: &'a HashMap<Name, u32>,
    pub recipients: &'a HashMap<Name, u32>,
    pub groups: &'a BTreeMap<Name, Vec<Name>>,
    pub ledgers: &'a BTreeMap<Name, LedgerId>,
}

/// Most quorums of one rule: what a payment may cost to judge.
const MAX_QUORUMS: usize = 16;
/// Most people in the quorums of all rules: each rule keeps its own.
const MAX_ASKED: usize = 250_000;

impl<'a> RuleParser<'a> {
    pub(super) fn new(found: Found<'a>, approvers: &'a BTreeMap<Name, Approver>, lines: &'a Lines) -> Self {
        let Found { assets, asset_ids, recipients, groups, ledgers } = found;
        let (taken, of_recipients, asked) = (HashSet::new(), HashSet::new(), 0);
        Self { assets, asset_ids, recipients, groups, ledgers, approvers, lines, taken, of_recipients, asked }
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
                raw.fee_cap.as_ref().map(Spanned::span),
                raw.first_payment.as_ref().map(Spanned::span),
                raw.budget.as_ref().map(Spanned::span),
                raw.count.as_ref().map(Spanned::span),
                raw.spacing.as_ref().map(Spanned::span),
                raw.approvals.as_ref().map(Spanned::span),
            ];
            if let Some(at) = conditions.into_iter().flatten().next() {
                return Err(Fault::new(
                    &at,
                    "a [[forbid]] has a scope, hours and valid only; use [[limit]] for amounts, counts and approvals",
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
        budgets.extend(raw.spacing.map(|raw| spacing(&name, raw.get_ref())));
        let first_payment = raw
            .first_payment
            .map(|text| {
                self.money(&text, &mut asset).map(|(asset, cap)| FirstPayment(AmountCap { asset, cap }))
            })
            .transpose()?;
        // In the ledger's own asset, whatever is paid.
        let fee_cap = raw
            .fee_cap
            .map(|text| self.money(&text, &mut None).map(|(asset, cap)| FeeCap { asset, cap }))
            .transpose()?;
        let (quorums, watch) = self.quorums(&name, raw.approvals, &budgets, &mut asset)?;
        budgets.extend(watch);
        let (actions, selectors) = actions(kind, raw.action, raw.selectors)?;
        let hours = raw.hours.map(|hours| {
            let at = hours.span();
            Hours::parse(hours.into_inner(), &at)
        });
        Ok(Rule {
            kind,
            line: self.lines.line(at.start),
            name,
            scope: Scope {
                actions,
                selectors,
                ledgers: raw.ledger.map(|ledgers| self.ledgers_of(ledgers)).transpose()?,
                payers: raw.payers.map(plain),
                roles: raw.roles.map(|roles| roles.into_iter().collect()),
                accounts: raw.accounts.map(plain),
                assets: self.assets_of(raw.assets, asset.as_ref())?,
                recipients: self.recipients_of(raw.recipients)?,
                categories: raw.categories.map(plain),
                callers: raw.callers.map(plain),
            },
            per_payment,
            fee_cap,
            first_payment,
            budgets,
            quorums,
            hours: hours.transpose()?,
            lifetime: raw.valid.map(|valid| Lifetime::parse(valid.into_inner())).transpose()?,
        })
    }

    /// Who has to approve; and the sum that counts where the rule has a window.
    fn quorums(
        &mut self,
        name: &Name,
        raw: Option<Spanned<Vec<Spanned<raw::Approval>>>>,
        budgets: &[Arc<Budget>],
        asset: &mut Option<Asset>,
    ) -> Result<Quorums, Fault> {
        let lookup = Lookup { approvers: self.approvers, groups: self.groups };
        let mut quorums: Vec<Arc<Quorum>> = Vec::new();
        let Some(raw) = raw else { return Ok((quorums, None)) };
        let at = raw.span();
        if raw.get_ref().is_empty() {
            let what = "no quorum is listed, so nobody would be asked; write approvals = [{ need = 2, from = \"managers\" }]";
            return Err(Fault::new(&at, what));
        }
        if raw.get_ref().len() > MAX_QUORUMS {
            let what = format_args!("a rule has at most {MAX_QUORUMS} quorums, not {}", raw.get_ref().len());
            return Err(Fault::new(&at, what));
        }
        for raw in raw.into_inner().into_iter().map(Spanned::into_inner) {
            let above = raw.above.map(|text| self.money(&text, asset)).transpose()?;
            quorums.push(Arc::new(Quorum {
                need: lookup.need(&raw.need, raw.from)?,
                above: above.map(|(asset, cap)| AmountCap { asset, cap }),
                first: raw.first_payment,
            }));
        }
        self.asked += quorums.iter().map(|quorum| quorum.need.from.len()).sum::<usize>();
        if self.asked > MAX_ASKED {
            let what = format_args!(
                "the quorums of all rules together name more than {MAX_ASKED} people; ask fewer, or in fewer rules"
            );
            return Err(Fault::new(&at, what));
        }
        let needs: Vec<Need> = quorums.iter().map(|quorum| quorum.need.clone()).collect();
        let everybody = needs.iter().flat_map(|need| &need.from).cloned().collect();
        if !feasible(&needs, &everybody) {
            let what = "one person has one vote, and together these quorums need more people than there are; lower need, or name more people";
            return Err(Fault::new(&at, what));
        }
        let least = quorums.iter().filter_map(|quorum| quorum.above.as_ref()).min_by_key(|above| above.cap);
        let window = budgets.iter().find(|budget| !matches!(budget.cap, Cap::Spacing));
        let watch = least.zip(window).map(|(above, budget)| {
            Arc::new(Budget {
                name: name.clone(),
                per: None,
                window: budget.window.clone(),
                cap: Cap::Above(above.asset.clone(), above.cap),
            })
        });
        Ok((quorums, watch))
    }

    fn ledgers_of(&self, ledgers: Spanned<raw::OneOrMany<Name>>) -> Result<Vec<Name>, Fault> {
        let at = ledgers.span();
        let names = ledgers.into_inner().into_vec();
        match names.iter().find(|name| !self.ledgers.contains_key(*name)) {
            None => Ok(names),
            Some(unknown) => Err(Fault::new(
                &at,
                format_args!("\"{unknown}\" is no ledger of this policy; add it under [ledgers] with its id"),
            )),
        }
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
        self.assets.get(*self.asset_ids.get(name)? as usize)
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

/// The quorums of a rule, and the sum that counts for them.
type Quorums = (Vec<Arc<Quorum>>, Option<Arc<Budget>>);
type Actions = Spanned<raw::OneOrMany<Action>>;
type Scoped = (Option<Vec<Action>>, Option<Vec<Selector>>);

/// An allow without an action allows payments, and nothing else that may ever be invented; a limit
/// or a forbid without one is about everything.
fn actions(
    kind: Kind,
    actions: Option<Actions>,
    selectors: Option<Spanned<Vec<Selector>>>,
) -> Result<Scoped, Fault> {
    let at = actions.as_ref().map(Spanned::span);
    let actions = actions.map(|actions| actions.into_inner().into_vec());
    let actions = match kind {
        Kind::Allow => Some(actions.unwrap_or_else(|| vec![Action::Pay])),
        Kind::Limit | Kind::Forbid => actions,
    };
    let calls = actions.as_ref().is_none_or(|actions| actions.contains(&Action::Call));
    match (&selectors, at) {
        (Some(selectors), _) if !calls => {
            Err(Fault::new(&selectors.span(), "selectors are of calls; write action = \"call\""))
        }
        (None, Some(at)) if kind == Kind::Allow && calls => Err(Fault::new(
            &at,
            "an [[allow]] for calls names the functions that may be called: selectors = [\"0xa9059cbb\"]",
        )),
        _ => Ok((actions, selectors.map(Spanned::into_inner))),
    }
}
