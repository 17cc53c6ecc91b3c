//! What an asset is bound to, whatever the rules say.

use super::Recipient;
use super::denial::{Denial, DenialCode, list};
use super::lifetime::Lifetime;
use crate::amount::Asset;
use crate::intent::Action;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// A purpose-bound asset. It is issued to somebody; whoever has it pays recipients all of whose
/// categories are listed; such a recipient may only pay the redeemer; and the redeemer pays
/// nobody, so that it ends there.
///
/// After its lifetime it is neither issued nor spent; who has received it may still redeem it.
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    /// What it is for; `None` binds to no category.
    pub only: Option<Vec<Name>>,
    /// Name and address of whoever takes it back.
    pub redeemer: Option<(Name, PublicKey)>,
    pub lifetime: Option<Lifetime>,
}

impl Purpose {
    /// Is this somebody who may receive it as a payment, and so may only redeem it?
    pub(super) fn accepts(&self, recipient: &Recipient) -> bool {
        self.only.as_ref().is_none_or(|only| {
            !recipient.categories.is_empty()
                && recipient.categories.iter().all(|category| only.contains(category))
        })
    }

    /// Refuses what the purpose does not allow. `payer` is who the bundle takes the payer's address for.
    pub(super) fn check(
        &self,
        action: Action,
        asset: &Asset,
        from: &PublicKey,
        payer: Option<&Recipient>,
        to: &Recipient,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let deny = |why: String| Err(Denial::plain(DenialCode::Purpose, why));
        let name = asset.name();
        let redeems = self.redeemer.as_ref().is_some_and(|(_, address)| *address == to.address);
        if let Some(lifetime) = self.lifetime.as_ref().filter(|lifetime| !redeems && !lifetime.holds(now)) {
            return deny(format!(
                "{name} is issued and spent {lifetime} only; what was received may still be redeemed"
            ));
        }
        if action == Action::Issue {
            return Ok(());
        }
        if let Some((redeemer, address)) = &self.redeemer {
            if address == from {
                return deny(format!(
                    "{name} ends with {redeemer}, who redeems it; nobody is paid with it from there"
                ));
            }
            let received = self.only.is_some() && payer.is_some_and(|payer| self.accepts(payer));
            if received && !redeems {
                return deny(format!(
                    "whoever received {name} may only redeem it: pay {redeemer} instead of {}",
                    to.name
                ));
            }
        }
        if redeems || self.accepts(to) {
            return Ok(());
        }
        let only = list(self.only.iter().flatten());
        let is = match to.categories.as_slice() {
            [] => "has no category".to_owned(),
            all => format!("is {}", list(all)),
        };
        deny(format!("{name} is for {only} only; {} {is}", to.name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::policy::{DenialCode, Policy, Question, Verdict, judge};
    use crate::role::Roles;

    use super::*;
    use crate::intent::{Intent, LedgerId, Value};

    const POLICY: &str = r#"
        version = 1
        [assets.GRANT]
        decimals = 2
        only = ["pharmacy", "doctor"]
        redeemer = "health fund"
        valid = { until = 2027-11-30 }
        [recipients.pharmacy]
        address = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        categories = ["pharmacy"]
        [recipients.drugstore]
        address = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        categories = ["pharmacy", "supermarket"]
        [recipients."health fund"]
        address = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
        [recipients.patient]
        address = "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"
        [[allow]]
        name = "everything"
        [[allow]]
        name = "issuing"
        action = "issue"
    "#;

    #[test]
    fn case_table() {
        let policy = Policy::parse(POLICY).unwrap();
        let address = |name: &str| policy.recipient(name).unwrap().address;
        let stranger = "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf";
        for (action, from, to, now, allowed) in [
            (Action::Pay, None, "pharmacy", "2026-11-22T09:30:00Z", true),
            (Action::Pay, Some("patient"), "pharmacy", "2026-11-22T09:30:00Z", true),
            // In two categories, of which one is not listed.
            (Action::Pay, None, "drugstore", "2026-11-22T09:30:00Z", false),
            (Action::Pay, None, "patient", "2026-11-22T09:30:00Z", false),
            // A beneficiary may give it back, too.
            (Action::Pay, None, "health fund", "2026-11-22T09:30:00Z", true),
            (Action::Pay, Some("pharmacy"), "health fund", "2026-11-22T09:30:00Z", true),
            (Action::Pay, Some("pharmacy"), "patient", "2026-11-22T09:30:00Z", false),
            (Action::Pay, Some("health fund"), "pharmacy", "2026-11-22T09:30:00Z", false),
            (Action::Issue, Some("health fund"), "patient", "2026-11-22T09:30:00Z", true),
            (Action::Issue, Some("health fund"), "patient", "2027-12-01T00:00:00Z", false),
            (Action::Pay, None, "pharmacy", "2027-11-30T23:59:59Z", true),
            (Action::Pay, None, "pharmacy", "2027-12-01T00:00:00Z", false),
            (Action::Pay, Some("pharmacy"), "health fund", "2027-12-01T00:00:00Z", true),
        ] {
            let now = now.parse().unwrap();
            let intent = Intent {
                action,
                ledger: LedgerId([7; 32]),
                from: from.map_or_else(|| stranger.parse().unwrap(), address),
                to: Some(address(to)),
                value: Some(Value { asset: "GRANT".parse().unwrap(), amount: 100.into() }),
                fee: None,
                selector: None,
                created: now,
                valid_until: now,
            };
            let (account, caller) = ("a".parse().unwrap(), "c".parse().unwrap());
            let question =
                Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now };
            match judge(&policy, &question) {
                Verdict::Allow(_) => assert!(allowed, "{action} {from:?} {to} {now}"),
                Verdict::Deny(denial) => {
                    assert!(!allowed && denial.code == DenialCode::Purpose, "{from:?} {to} {now}: {denial}");
                }
            }
        }
    }
}
