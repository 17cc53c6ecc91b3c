//! Issues on the embedded ledger: who may, how much there can be, and that the file proves it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "ledger/home.rs"]
#[allow(dead_code)]
mod home;

use bursar::ledger::embedded::entry::leaf;
use bursar::ledger::embedded::genesis::{Genesis, GenesisAsset};
use bursar::ledger::embedded::proof::verify_receipt;
use bursar::ledger::embedded::state::State;
use bursar::ledger::{Ledger, LedgerError, Outcome, Refusal};
use bursar::store::log::LogTable;
use bursar_core::amount::{Amount, Asset};
use bursar_core::decode::transfer::{Kind, Payload, SignedTransfer, Transfer};
use bursar_core::envelope::Envelope;
use bursar_core::log::SignedCheckpoint;
use bursar_core::name::Name;
use home::{Home, NODE, account, eur, payment, receipt, sign, sign_as, sign_bytes};
use proptest::prelude::*;
use rusqlite::params;

/// Whose seed the issuer's key has.
const FUND: u8 = 7;

fn grant() -> Name {
    "GRANT".parse().unwrap()
}

/// Account 1 has 1000.00 EUR; GRANT is issued by the fund.
fn genesis() -> Genesis {
    let asset = |name: Name| Asset::new(name, 2).unwrap();
    let assets = [
        GenesisAsset::from(asset(eur())),
        GenesisAsset { asset: asset(grant()), issuer: Some(account(FUND)) },
    ];
    let first = [(account(1), eur(), Amount::from(100_000))];
    Genesis::new("town".parse().unwrap(), assets, first, account(NODE)).unwrap()
}

fn grants(home: &Home, from: u8, to: u8, amount: Amount) -> Transfer {
    Transfer { asset: grant(), amount, ..payment(home, from, to, 1) }
}

fn issue(home: &Home, from: u8, to: u8, units: u64) -> SignedTransfer {
    sign_as(Kind::Issue, from, &grants(home, from, to, units.into()))
}

fn refusal(outcome: Result<Outcome, LedgerError>) -> Refusal {
    match outcome {
        Err(LedgerError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Every balance in GRANT, by seed.
fn held(home: &Home) -> Vec<(u8, String)> {
    let overview = home.reader().overview().unwrap();
    let seed = |key| (0..=9).find(|seed| account(*seed) == key).unwrap();
    let mut held: Vec<_> = overview
        .balances
        .iter()
        .filter(|(_, asset, _)| *asset == grant())
        .map(|(key, _, amount)| (seed(*key), amount.to_string()))
        .collect();
    held.sort();
    held
}

#[test]
fn who_may_issue_what() {
    let home = Home::with(genesis());
    let state = State::first(&home.genesis);
    let stranger = Refusal::NotIssuer { asset: grant(), issuer: Box::new(account(FUND)) };
    for (what, kind, from, asset, amount, expected) in [
        ("the issuer", Kind::Issue, FUND, grant(), 1, None),
        ("somebody else", Kind::Issue, 1, grant(), 1, Some(stranger.clone())),
        ("the node", Kind::Issue, NODE, grant(), 1, Some(stranger)),
        ("no issuer", Kind::Issue, FUND, eur(), 1, Some(Refusal::NoIssuer(eur()))),
        ("no issuer, by its holder", Kind::Issue, 1, eur(), 1, Some(Refusal::NoIssuer(eur()))),
        (
            "no such asset",
            Kind::Issue,
            FUND,
            "USD".parse().unwrap(),
            1,
            Some(Refusal::UnknownAsset("USD".parse().unwrap())),
        ),
        // The issuer has nothing of it: it pays with what somebody paid it, like everybody.
        (
            "a payment by the issuer",
            Kind::Pay,
            FUND,
            grant(),
            1,
            Some(Refusal::Funds { have: "0.00 GRANT".into(), asked: "0.01 GRANT".into() }),
        ),
        ("a payment of what was there", Kind::Pay, 1, eur(), 100_000, None),
    ] {
        let transfer = Transfer { asset, ..payment(&home, from, 2, amount) };
        let payload = Payload::encode_as(kind, transfer).unwrap();
        assert_eq!(state.check(&payload, home.now()).err(), expected, "{what}");
    }
    let text = Refusal::NotIssuer { asset: grant(), issuer: Box::new(account(FUND)) }.to_string();
    assert!(text.contains(&account(FUND).address()), "{text}");
}

#[test]
fn an_issue_has_its_time_and_its_ledger_like_a_payment() {
    let home = Home::with(genesis());
    let state = State::first(&home.genesis);
    let good = grants(&home, FUND, 2, Amount::from(1));
    let check = |transfer: &Transfer, late: i64| {
        let payload = Payload::encode_as(Kind::Issue, transfer.clone()).unwrap();
        state.check(&payload, home.now().plus_millis(late)).err()
    };
    for (late, ok) in [(-300_001, false), (-300_000, true), (0, true), (3_599_999, true), (3_600_000, false)]
    {
        assert_eq!(check(&good, late).is_none(), ok, "{late} ms");
    }
    let other = bursar_core::intent::LedgerId([0; 32]);
    assert_eq!(check(&Transfer { ledger: other, ..good }, 0), Some(Refusal::OtherLedger(other)));
}

/// The whole supply stays in range, whoever holds it, so no payment ever overflows a balance.
#[test]
fn supply_to_the_last_unit() {
    let home = Home::with(genesis());
    let mut state = State::first(&home.genesis);
    let units = |text: &str| text.parse::<Amount>().unwrap();
    // 2^256 - 2, written out.
    let but_one = units("115792089237316195423570985008687907853269984665640564039457584007913129639934");
    let issue = |to, amount| Payload::encode_as(Kind::Issue, grants(&home, FUND, to, amount)).unwrap();
    let change = state.check(&issue(2, but_one), home.now()).unwrap();
    state.apply(change);
    let before = state.clone();
    // Account 3 has nothing, and still there would be too much.
    for to in [2, 3] {
        assert_eq!(state.check(&issue(to, units("2")), home.now()), Err(Refusal::Supply(grant())));
        assert_eq!(state.check(&issue(to, Amount::MAX), home.now()), Err(Refusal::Supply(grant())));
    }
    assert_eq!(state, before, "a refusal changes nothing");
    let change = state.check(&issue(3, units("1")), home.now()).unwrap();
    state.apply(change);
    assert_eq!(state.balance(&(account(3), grant())), units("1"));
    assert_eq!(state.check(&issue(3, units("1")), home.now()), Err(Refusal::Supply(grant())));
    // All of it in one hand.
    let all = Payload::encode(grants(&home, 2, 3, but_one)).unwrap();
    let change = state.check(&all, home.now()).unwrap();
    state.apply(change);
    assert_eq!(state.balance(&(account(3), grant())), Amount::MAX);
}

#[tokio::test]
async fn an_issue_is_recorded_once_replayed_and_proved() {
    let home = Home::with(genesis());
    let ledger = home.open();
    let granted = issue(&home, FUND, 2, 50_000);
    let first = receipt(ledger.submit(&granted).await);
    assert_eq!(first.position, 0);
    assert_eq!(receipt(ledger.submit(&granted).await), first);
    assert_eq!(held(&home), [(2, "50000".to_owned())]);
    // The same fields with the same nonce, as a payment: another transaction, and no second one.
    let again = sign(FUND, granted.payload().transfer());
    assert_eq!(refusal(ledger.submit(&again).await), Refusal::NonceUsed(0));
    let stranger = issue(&home, 2, 3, 1);
    assert!(matches!(refusal(ledger.submit(&stranger).await), Refusal::NotIssuer { .. }));
    receipt(ledger.submit(&sign(2, &grants(&home, 2, 3, 12_000.into()))).await);
    receipt(ledger.submit(&issue(&home, FUND, 3, 500)).await);
    let sent = ledger.sent_since(0).unwrap();
    assert_eq!(sent.iter().map(|sent| sent.from).collect::<Vec<_>>(), [FUND, 2, FUND].map(account));
    drop(ledger);
    let expected = [(2, "38000".to_owned()), (3, "12500".to_owned())];
    assert_eq!(held(&home), expected);
    let ledger = home.open();
    assert_eq!(receipt(ledger.submit(&granted).await), first, "after a restart, too");
    assert_eq!(home.verify().unwrap().size, 3);
    let assets = home.reader().overview().unwrap().assets;
    let issuers: Vec<_> = assets.iter().map(|asset| (asset.asset.name().as_str(), asset.issuer)).collect();
    assert_eq!(issuers, [("EUR", None), ("GRANT", Some(account(FUND)))]);

    let checkpoint = ledger.checkpoint_to_sign().await.unwrap();
    let signature = sign_bytes(NODE, checkpoint.text_to_sign().as_bytes());
    let signed: SignedCheckpoint = checkpoint.attach(&account(NODE), &signature).unwrap();
    assert!(ledger.keep_checkpoint(&signed).await.unwrap());
    let proven = verify_receipt(&home.genesis, &home.reader().prove(0).unwrap()).unwrap();
    assert_eq!((proven.receipt, proven.transfer), (first, granted));
}

/// Writes an entry past the ledger, as somebody could who knows the file, with every table right.
fn forge(home: &Home, signed: &SignedTransfer, balance: &str) {
    forge_envelope(home, signed, &signed.to_envelope(), balance);
}

fn forge_envelope(home: &Home, signed: &SignedTransfer, envelope: &Envelope, balance: &str) {
    let hands = home.hands();
    let mut log = LogTable::open(&hands, |_, _| Ok(())).unwrap();
    let (position, transfer) = (log.size(), signed.payload().transfer());
    log.append(&hands, &leaf(position, home.now(), &envelope.to_json())).unwrap();
    log.save(&hands).unwrap();
    let digest = signed.payload().digest();
    let row = params![digest, position, home.now().millis()];
    hands.execute("INSERT INTO transactions VALUES (?1, ?2, ?3)", row).unwrap();
    // One byte for Ed25519, as the ledger writes it.
    let nonce = [&transfer.nonce.0[..], &[1], transfer.from.bytes()].concat();
    hands.execute("INSERT INTO nonces VALUES (?1, ?2)", params![nonce, position]).unwrap();
    let row = params![transfer.to.to_string(), transfer.asset.as_str(), balance];
    hands.execute("INSERT OR REPLACE INTO balances VALUES (?1, ?2, ?3)", row).unwrap();
}

#[tokio::test]
async fn money_out_of_nothing_is_found_in_the_file() {
    for (what, signer, kind, asset, balance, found) in [
        ("the issuer", FUND, Kind::Issue, grant(), "5", None),
        ("the issuer, more than it issued", FUND, Kind::Issue, grant(), "6", Some("balances")),
        (
            "a stranger",
            1,
            Kind::Issue,
            grant(),
            "5",
            Some("entry 0: it should never have been recorded: only "),
        ),
        ("no issuer", 1, Kind::Issue, eur(), "5", Some("nobody issues EUR")),
        ("the issuer pays", FUND, Kind::Pay, grant(), "5", Some("the account has 0.00 GRANT")),
    ] {
        let home = Home::with(genesis());
        let transfer = Transfer { asset, ..payment(&home, signer, 2, 5) };
        forge(&home, &sign_as(kind, signer, &transfer), balance);
        match found {
            None => {
                assert_eq!(home.verify().unwrap().size, 1, "{what}");
                home.try_open().map(drop).unwrap();
            }
            Some(found) => {
                for error in [home.verify().map(drop), home.try_open().map(drop)] {
                    let error = error.expect_err(what).to_string();
                    assert!(error.contains(found), "{what}: {error}");
                }
            }
        }
    }
}

/// The issuer's payment, relabelled as an issue: the signature is for the other type.
#[tokio::test]
async fn a_payment_relabelled_as_an_issue_is_found_in_the_file() {
    let home = Home::with(genesis());
    let transfer = grants(&home, FUND, 2, 5.into());
    let (paid, issued) = (sign(FUND, &transfer), sign_as(Kind::Issue, FUND, &transfer));
    let mut envelope = paid.to_envelope();
    envelope.payload_type = Kind::Issue.payload_type().to_owned();
    // As if the issue had been recorded, but under the payment's signature.
    forge_envelope(&home, &issued, &envelope, "5");
    let error = home.verify().unwrap_err().to_string();
    assert!(error.contains("entry 0: the signature of"), "{error}");
}

#[test]
fn a_genesis_with_an_issuer() {
    // Canonical bytes and SHA-256 by Python's json and hashlib modules.
    let canonical = include_str!("ledger/genesis_issuer.json").trim_end();
    let genesis = Genesis::parse(canonical.as_bytes()).unwrap();
    assert_eq!(genesis.id().to_string(), "c9931bf68cbeef9e57abd787b899acdab4a389b06b5ea3b32845b29fe2466857");
    assert_eq!(genesis.canonical(), canonical.as_bytes());
    let assets: Vec<_> = genesis.assets().values().cloned().collect();
    let balances = genesis.balances().iter().map(|((key, asset), units)| (*key, asset.clone(), *units));
    let made = Genesis::new("town".parse().unwrap(), assets, balances, *genesis.node()).unwrap();
    assert_eq!(made, genesis);
    // Another issuer, another ledger.
    let key = "p256:032927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838";
    let other = canonical.replace(key, &account(1).to_string());
    assert_ne!(Genesis::parse(other.as_bytes()).unwrap().id(), genesis.id());

    let node = genesis.node().to_string();
    let grant = canonical.replace(r#""asset":"EUR""#, r#""asset":"GRANT""#);
    for (what, text, says) in [
        ("a first balance", grant, "starts with an issue"),
        ("issued by the node", canonical.replace(key, &node), "the node key"),
        ("no key", canonical.replace(key, "fund"), "not readable"),
        ("two issuers", canonical.replace(r#","issuer""#, r#","issuer":null,"issuer""#), "not readable"),
    ] {
        let error = Genesis::parse(text.as_bytes()).expect_err(what).to_string();
        assert!(error.contains(says), "{what}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Issues and payments in any order: what is held is what was issued, to the unit, and the
    /// file read again says the same.
    #[test]
    fn what_is_held_is_what_was_issued(steps in prop::collection::vec((any::<bool>(), 1u8..=4, 1u8..=4, 1u64..50_000), 1..60)) {
        let home = Home::with(genesis());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ledger = home.open();
        let (mut model, mut issued) = ([0u64; 5], 0);
        for (issues, from, to, units) in steps {
            let (payer, payee) = (usize::from(from), usize::from(to));
            if issues {
                receipt(runtime.block_on(ledger.submit(&issue(&home, FUND, to, units))));
                model[payee] += units;
                issued += units;
            } else if from != to {
                let paid = sign(from, &grants(&home, from, to, units.into()));
                let outcome = runtime.block_on(ledger.submit(&paid));
                if model[payer] >= units {
                    receipt(outcome);
                    model[payer] -= units;
                    model[payee] += units;
                } else {
                    let short = matches!(refusal(outcome), Refusal::Funds { .. });
                    prop_assert!(short);
                }
            }
        }
        drop(ledger);
        prop_assert_eq!(model.iter().sum::<u64>(), issued);
        let expected: Vec<_> =
            (1u8..=4).map(|n| (n, model[usize::from(n)].to_string())).filter(|(_, units)| units != "0").collect();
        prop_assert_eq!(held(&home), expected);
        home.verify().unwrap();
    }
}
