//! What a thief could do beside asking for payments.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::Victim;
use crate::approval::quorum::Need;
use crate::intent::Action;
use crate::name::Name;
use crate::policy::amount_cap::AmountCap;
use crate::policy::denial::list;
use crate::policy::quorum::Quorum;
use crate::policy::{Kind, Policy};
use crate::role::Role;

/// As what somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// Approves what others ask for.
    Approver,
    /// Stops accounts, and lets them go on.
    Freeze,
    /// Changes the bundle.
    Administrator,
    /// Puts another bundle in force for a day.
    BreakGlass,
    /// Has the key of an account.
    Account,
    /// Pays with transactions that have to be endorsed.
    Payer,
    /// Asks for what is no payment.
    Caller,
}

/// One thing that a thief could do, or take part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Power {
    /// As what.
    pub capacity: Capacity,
    /// Alone, without anybody else's consent?
    pub alone: bool,
    /// In a sentence.
    pub what: String,
}

/// What an administrator's role lets a caller do.
const ADMINISTERS: &str = "may confirm the clock and propose bundles, which others have to sign";

/// Everything that this name may do; `asks` says that it could ask for payments.
pub(super) fn powers(policy: &Policy, victim: &Victim<'_>, asks: bool) -> Vec<Power> {
    let name = victim.name;
    let mut found = Vec::new();
    let mut power = |capacity, alone, what: String| found.push(Power { capacity, alone, what });
    let counted = |need: &Need| need.from.contains(name);
    for rule in policy.rules_in_order() {
        for quorum in rule.quorums.iter().filter(|quorum| counted(&quorum.need)) {
            let alone = alone(quorum, &rule.quorums);
            let kind = if rule.kind == Kind::Limit { "limit" } else { "rule" };
            power(
                Capacity::Approver,
                alone.is_some(),
                match (&alone, quorum.need.need) {
                    (Some(most), _) => format!(
                        "can alone approve what another caller asks for under {kind} \"{}\" ({quorum}){}; whoever has a requester's key as well is stopped by nobody there",
                        rule.name,
                        most.map(|most| format!(", up to {}", most.asset.format(most.cap)))
                            .unwrap_or_default()
                    ),
                    (None, 1) => format!(
                        "gives the one vote of {} under {kind} \"{}\", which needs more",
                        quorum.need.label, rule.name
                    ),
                    (None, need) => format!(
                        "gives one of {need} votes of {} under {kind} \"{}\"",
                        quorum.need.label, rule.name
                    ),
                },
            );
        }
    }
    if let Some(freeze) = policy.freeze() {
        if freeze.from.contains(name) {
            power(Capacity::Freeze, true, "can freeze any account, which stops payments".to_owned());
        }
        if counted(&freeze.lift) {
            let need = freeze.lift.need;
            let what = match need {
                1 => "can lift every freeze".to_owned(),
                need => format!("gives one of {need} votes to lift a freeze"),
            };
            power(Capacity::Freeze, need == 1, what);
        }
    }
    if let Some(administrators) = policy.administrators()
        && administrators.keys.contains_key(name)
    {
        let what = match administrators.need {
            1 => "can alone put any other bundle in force: then nothing above bounds anything".to_owned(),
            need => format!("gives one of {need} votes for another bundle; cannot change it alone"),
        };
        power(Capacity::Administrator, administrators.need == 1, what);
    }
    if let Some(need) = policy.break_glass().filter(|need| counted(need)) {
        let what = match need.need {
            1 => "can alone put any other bundle in force for a day: then nothing above bounds anything"
                .to_owned(),
            need => format!("gives one of {need} votes to put another bundle in force for a day"),
        };
        power(Capacity::BreakGlass, need.need == 1, what);
    }
    if is_account(policy, victim) {
        let what = format!(
            "whoever has the key and the PIN of the account {name} can go round the agent on a ledger without endorsers: nothing here bounds that"
        );
        power(Capacity::Account, true, what);
    }
    if policy.payers.values().any(|payer| payer == name) {
        let what = "signs transactions of its own; nodes that judge by this bundle endorse those alone that are in the table";
        power(Capacity::Payer, true, what.to_owned());
    }
    if victim.roles.is_some_and(|roles| roles.has(Role::Administrator)) {
        power(Capacity::Caller, true, ADMINISTERS.to_owned());
    }
    let approver = policy.approvers().find(|approver| approver.name == *name);
    let others = |names: &BTreeSet<Name>| list(names.iter().filter(|other| *other != name));
    let asks_as = approver.map(|approver| others(&approver.callers)).unwrap_or_default();
    if !asks_as.is_empty() {
        let what = format!(
            "asks for payments as {asks_as}, too, and approves none of those: see what each of these names could ask for"
        );
        power(Capacity::Caller, true, what);
    }
    let asking = others(policy.roster().asking_as(name));
    if !asking.is_empty() {
        power(Capacity::Caller, false, format!("what is asked for under this name, {asking} cannot approve"));
    }
    if approver.is_some_and(|approver| approver.revoked) {
        power(Capacity::Approver, false, "is revoked: approvals do not count".to_owned());
    }
    // Of a name that the bundle does not know at all there is nothing to say.
    if victim.roles.is_none() && (asks || !found.is_empty()) {
        let what = format!("where it is a caller with the role administrator, {ADMINISTERS}");
        found.push(Power { capacity: Capacity::Caller, alone: true, what });
    }
    found
}

/// Is one vote enough in some case, because no other quorum of the rule applies in it? Then it says
/// up to which amount, if there is one. Where that takes more thought it says yes.
fn alone<'p>(quorum: &Quorum, all: &'p [Arc<Quorum>]) -> Option<Option<&'p AmountCap>> {
    let at_first = quorum.above.is_none() && quorum.first;
    let mut most: Option<&AmountCap> = None;
    if quorum.need.need != 1 {
        return None;
    }
    for other in all.iter().filter(|other| !std::ptr::eq(other.as_ref(), quorum)) {
        match &other.above {
            None if !other.first || at_first => return None,
            None => {}
            Some(above) => {
                let below = quorum.above.as_ref().is_none_or(|own| own.cap < above.cap);
                if other.first && at_first || !below && (!quorum.first || other.first) {
                    return None;
                }
                most = Some(most.map_or(above, |most| if most.cap < above.cap { most } else { above }));
            }
        }
    }
    Some(most)
}

fn is_account(policy: &Policy, victim: &Victim<'_>) -> bool {
    if let Some(accounts) = victim.accounts {
        return accounts.contains(victim.name);
    }
    let lists = policy.rules.iter().filter_map(|rule| rule.scope.accounts.as_ref());
    let opened: BTreeSet<&Name> = lists
        .flatten()
        .flat_map(|name| policy.groups.get(name).map_or(std::slice::from_ref(name), Vec::as_slice))
        .collect();
    opened.contains(victim.name)
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approver => "approver",
            Self::Freeze => "freeze",
            Self::Administrator => "administrator",
            Self::BreakGlass => "break glass",
            Self::Account => "account",
            Self::Payer => "payer",
            Self::Caller => "caller",
        })
    }
}

impl fmt::Display for Power {
    /// `administrator, alone: can …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alone = if self.alone { ", alone" } else { "" };
        write!(f, "{}{alone}: {}", self.capacity, self.what)
    }
}

impl super::Reach {
    /// Is it worth a sentence of its own? A call's contract and a new key do more than amounts say.
    pub fn warning(&self) -> Option<&'static str> {
        match self.action {
            Action::Call => Some("what a contract does when it is called is not bounded by amounts"),
            Action::Rotate => Some("puts another key in the place of the account's"),
            Action::Pay | Action::Record | Action::Issue | Action::Endorse => None,
        }
    }
}
