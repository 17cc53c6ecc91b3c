#![no_main]
//! A bundle that is read can be looked at in every way, judges, and differs from none that says the same.

use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::policy::{Policy, Question, Victim, diff, judge, stolen};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

/// So many rules and recipients: what is larger only takes longer.
const MOST: usize = 1 << 14;

fuzz_target!(|text: &str| {
    if text.len() > MOST {
        return;
    }
    let Ok(policy) = Policy::parse(text) else { return };
    policy.warnings().iter().for_each(|warning| assert!(!warning.to_string().is_empty()));
    let (Ok(now), Ok(account)) = ("2026-11-22T09:30:00Z".parse::<Timestamp>(), "petty-cash".parse()) else {
        return;
    };
    let to = policy.recipients().next().map(|recipient| recipient.address);
    let asset = policy.assets().next().map(|asset| asset.name().clone());
    if let (Some(to), Some(asset)) = (to, asset) {
        for action in Action::ALL {
            let intent = Intent {
                action,
                ledger: LedgerId([1; 32]),
                from: to,
                to: Some(to),
                value: Some(Value { asset: asset.clone(), amount: 100_u64.into() }),
                fee: None,
                selector: None,
                created: now,
                valid_until: now,
            };
            let _ = judge(
                &policy,
                &Question { intent: &intent, account: &account, caller: &account, roles: Roles::ALL, now },
            );
        }
    }
    let _ = stolen(&policy, &Victim { name: &account, roles: None, accounts: None });
    let Ok(again) = Policy::parse(&format!("# again\n{text}")) else { return };
    if let Ok(difference) = diff::diff(&policy, &again, now) {
        assert!(difference.is_none());
    }
});
