//! What the quick start's accounts, policy and payments are.

use bursar_core::amount::Asset;
use bursar_core::name::Name;

use crate::setup::SetupError;
use crate::setup::account::AccountKey;
use crate::setup::home::NewBalance;
use crate::token::provision::Algorithm;

/// The policy bundle. Nothing in it depends on the hour or the date at which the payments are made.
pub const POLICY: &str = include_str!("policy.toml");
/// The payments, in the columns of `bursar pay --batch`.
pub const PAYMENTS: &str = include_str!("payments.csv");

/// Accounts, the algorithms of their keys, and what they hold at first. secp256k1 is what most
/// public ledgers sign with.
const ACCOUNTS: [(&str, Algorithm, &str); 3] = [
    ("expenses", Algorithm::Ed25519, "5000.00 EUR"),
    ("payroll", Algorithm::Ed25519, "20000.00 EUR"),
    ("travel", Algorithm::Secp256k1, "1000.00 EUR"),
];

/// The accounts in the form that making a home takes them.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Each with a key of its own name.
    pub keys: Vec<AccountKey>,
    /// The algorithm of each.
    pub algorithms: Vec<Algorithm>,
    /// What each holds at first.
    pub balances: Vec<NewBalance>,
}

/// What is paid with.
pub fn asset() -> Result<Asset, SetupError> {
    Asset::new(name("EUR")?, 2).map_err(|error| SetupError::Usage(error.to_string()))
}

/// The accounts of the quick start.
pub fn accounts(asset: &Asset) -> Result<Accounts, SetupError> {
    let mut accounts = Accounts { keys: Vec::new(), algorithms: Vec::new(), balances: Vec::new() };
    for (account, algorithm, balance) in ACCOUNTS {
        let amount = asset.parse(balance).map_err(|error| SetupError::Usage(error.to_string()))?;
        accounts.keys.push(AccountKey { account: name(account)?, label: account.to_owned() });
        accounts.algorithms.push(algorithm);
        let asset = asset.name().clone();
        accounts.balances.push(NewBalance { account: name(account)?, asset, amount });
    }
    Ok(accounts)
}

/// A name of the story.
pub fn name(text: &str) -> Result<Name, SetupError> {
    text.parse().map_err(|error: bursar_core::name::NameError| SetupError::Usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, BTreeSet};

    use bursar_core::intent::LedgerId;
    use bursar_core::key::PublicKey;
    use bursar_core::policy::{Counters, DenialCode, Policy, Question, Verdict, judge};
    use bursar_core::role::Roles;
    use bursar_core::time::Timestamp;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::book::draft::{Circumstances, Draft};
    use crate::caller::Identity;
    use crate::cli::pay::batch::row;

    /// Every payment of the file, and why it is denied if it is. By the rules as written:
    /// 84.20 + 150.00 = 234.20, and 135.00 more than the 115.80 left of 350.00.
    const VERDICTS: [(&str, Option<DenialCode>); 14] = [
        ("groceries-1", None),
        ("first-aid", None),
        ("paper", None),
        ("party", Some(DenialCode::PerPayment)),
        ("groceries-2", None),
        ("groceries-3", Some(DenialCode::Budget)),
        ("chips", Some(DenialCode::Forbidden)),
        ("kiosk", Some(DenialCode::UnknownRecipient)),
        ("dollars", Some(DenialCode::UnknownAsset)),
        ("salary-anna", None),
        ("salary-ben", None),
        ("salary-anna-again", Some(DenialCode::Count)),
        ("snacks", Some(DenialCode::NoRule)),
        ("train", None),
    ];

    /// Judges the whole file, one payment every `step` ms, and settles what is allowed at once.
    fn verdicts(start: Timestamp, step: i64) -> BTreeMap<String, Option<DenialCode>> {
        let policy = Policy::parse(POLICY).unwrap();
        let from: PublicKey =
            "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse().unwrap();
        let (mut counters, mut now, mut found) = (Counters::default(), start, BTreeMap::new());
        for row in row::read(PAYMENTS.as_bytes()).unwrap() {
            let payment = row.payment.unwrap();
            let (key, request) = (payment.key(1).parse().unwrap(), payment.request);
            let (account, caller) = (request.from.clone(), name("owner").unwrap());
            let around = Circumstances {
                from,
                ledger: LedgerId([7; 32]),
                nonce: [0; 16],
                now,
                valid_for: 900_000,
                patience: 900_000,
            };
            let code = (|| {
                let draft = Draft::new(
                    &policy,
                    Identity { name: caller.clone(), roles: Roles::NONE, user: None },
                    key,
                    request,
                    around,
                )
                .unwrap();
                let payload = draft.subject.map_err(|denial| denial.code)?;
                let intent = payload.intent();
                let question =
                    Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now };
                match judge(&policy, &question) {
                    Verdict::Deny(denial) => Err(denial.code),
                    Verdict::Allow(permit) => counters
                        .reserve(&permit, &BTreeSet::new(), now)
                        .map_err(|unmet| unmet.denial().unwrap().code),
                }
            })();
            found.insert(row.id, code.err());
            now = now.plus_millis(step);
        }
        found
    }

    #[test]
    fn the_verdicts_are_the_same_at_any_hour_and_date() {
        let expected: BTreeMap<_, _> = VERDICTS.iter().map(|(id, code)| ((*id).to_owned(), *code)).collect();
        assert_eq!(expected.len(), VERDICTS.len());
        for start in [
            "2026-11-22T12:00:00Z",
            // Midnight at the end of a month and of a year, in Berlin and in UTC.
            "2026-11-30T22:59:59.990Z",
            "2026-12-31T22:59:59.990Z",
            "2027-02-28T23:59:59.990Z",
            "2028-02-29T22:59:59.990Z",
            // Clocks go forward and back.
            "2027-03-28T00:59:59.990Z",
            "2026-10-25T00:59:59.990Z",
        ] {
            for step in [1, 1000, 60_000, 3_600_000] {
                assert_eq!(verdicts(start.parse().unwrap(), step), expected, "{start} {step}");
            }
        }
    }

    #[test]
    fn nobody_has_the_recipients_keys() {
        let policy = Policy::parse(POLICY).unwrap();
        // One person tries it out, who owns the folder: administrators come with `bursar init`.
        let warnings: Vec<String> = policy.warnings().iter().map(ToString::to_string).collect();
        assert!(matches!(warnings.as_slice(), [one] if one.contains("no [administrators]")), "{warnings:?}");
        for recipient in policy.recipients() {
            let drawn = (0..100).find_map(|number| {
                let text = format!("bursar quickstart: {} {number}", recipient.name);
                PublicKey::ed25519(Sha256::digest(text).into()).ok()
            });
            assert_eq!(drawn, Some(recipient.address), "{}", recipient.name);
        }
    }

    #[test]
    fn the_accounts_can_afford_it() {
        let accounts = accounts(&asset().unwrap()).unwrap();
        let rows = row::read(PAYMENTS.as_bytes()).unwrap();
        assert!(rows.iter().all(|row| {
            let from = &row.payment.as_ref().unwrap().request.from;
            accounts.keys.iter().any(|key| key.account == *from)
        }));
        assert_eq!(accounts.balances.len(), 3);
    }
}
