//! The embedded ledger as a whole: what it records, what it refuses, what it survives.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "ledger/home.rs"]
mod home;

use std::sync::Arc;

use bursar::ledger::embedded::Embedded;
use bursar::ledger::embedded::verify::verify;
use bursar::ledger::unrecorded::Unrecorded;
use bursar::ledger::{Ledger, LedgerError, Outcome, Receipt, Refusal, Status};
use bursar_core::amount::Amount;
use bursar_core::decode::transfer::{Kind, Payload, SignedTransfer};
use bursar_core::intent::LedgerId;
use home::{Home, NOW, account, balance, eur, payment, receipt, sign};
use proptest::prelude::*;

fn refusal(result: Result<Outcome, LedgerError>) -> Refusal {
    match result {
        Err(LedgerError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_transaction_again_gives_the_same_receipt() {
    let home = Home::new();
    let ledger = home.open();
    let signed = sign(1, &payment(&home, 1, 2, 500));
    let first = receipt(ledger.submit(&signed).await);
    assert_eq!((first.ledger, first.position), (home.genesis.id(), 0));
    assert_eq!((first.recorded, first.digest), (NOW.parse().unwrap(), signed.payload().digest()));
    home.advance(60_000);
    assert_eq!(receipt(ledger.submit(&signed).await), first);
    let again = futures_of(20, |_| ledger.submit(&signed)).await;
    assert!(again.into_iter().all(|outcome| receipt(outcome) == first));
    // Long after its end, too: the receipt is for what happened then.
    home.advance(7 * 24 * 3_600_000);
    assert_eq!(receipt(ledger.submit(&signed).await), first);
    drop(ledger);
    let ledger = home.open();
    assert_eq!(receipt(ledger.submit(&signed).await), first);
    assert_eq!(ledger.status(&first.digest).await, Ok(Status::Recorded(first)));
    assert_eq!(balance(&home, 2), 500);
    let json = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), first);
}

/// Runs them all at once on this task, each polled in turn.
async fn futures_of<'a, T>(count: u8, make: impl Fn(u8) -> bursar::ledger::BoxFuture<'a, T>) -> Vec<T> {
    let mut running: Vec<_> = (0..count).map(&make).collect();
    let mut done: Vec<Option<T>> = (0..count).map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in running.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
}

#[tokio::test]
async fn a_refusal_leaves_nothing_behind() {
    let home = Home::new();
    let ledger = home.open();
    let first = sign(1, &payment(&home, 1, 2, 500));
    receipt(ledger.submit(&first).await);

    let mut reused = payment(&home, 1, 2, 501);
    reused.nonce = first.payload().transfer().nonce;
    assert_eq!(refusal(ledger.submit(&sign(1, &reused)).await), Refusal::NonceUsed(0));
    let mut elsewhere = payment(&home, 1, 2, 1);
    elsewhere.ledger = LedgerId([7; 32]);
    assert_eq!(refusal(ledger.submit(&sign(1, &elsewhere)).await), Refusal::OtherLedger(LedgerId([7; 32])));
    let mut unknown = payment(&home, 1, 2, 1);
    unknown.asset = "USD".parse().unwrap();
    assert_eq!(
        refusal(ledger.submit(&sign(1, &unknown)).await),
        Refusal::UnknownAsset("USD".parse().unwrap())
    );
    let poor = refusal(ledger.submit(&sign(2, &payment(&home, 2, 1, 501))).await);
    assert_eq!(poor, Refusal::Funds { have: "5.00 EUR".into(), asked: "5.01 EUR".into() });
    let mut late = payment(&home, 1, 2, 1);
    (late.created, late.valid_until) = (late.created.plus_millis(-3_600_000), late.created);
    assert!(matches!(refusal(ledger.submit(&sign(1, &late)).await), Refusal::Expired { .. }));
    let mut early = payment(&home, 1, 2, 1);
    early.created = early.created.plus_millis(301_000);
    assert!(matches!(refusal(ledger.submit(&sign(1, &early)).await), Refusal::NotYet { .. }));
    home.advance(1_000);
    receipt(ledger.submit(&sign(1, &early)).await);

    // Another account may use the same nonce.
    let mut same_nonce = payment(&home, 2, 1, 100);
    same_nonce.nonce = first.payload().transfer().nonce;
    assert_eq!(receipt(ledger.submit(&sign(2, &same_nonce)).await).position, 2);
    drop(ledger);
    assert_eq!(home.verify().unwrap().size, 3);
    assert_eq!((balance(&home, 1), balance(&home, 2)), (100_000 - 500 - 1 + 100, 500 + 1 - 100));
}

/// A clock that steps back reopens nothing, over a restart neither.
#[tokio::test]
async fn what_was_said_to_be_too_late_is_never_recorded() {
    let home = Home::new();
    let ledger = home.open();
    receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, 1))).await);
    let waiting = payment(&home, 1, 2, 2);
    let end = waiting.valid_until;
    let waiting = sign(1, &waiting);
    home.advance(3_600_000);
    let status = ledger.status(&waiting.payload().digest()).await;
    assert_eq!(status, Ok(Status::Absent { as_of: end }));
    home.advance(-3_600_000);
    assert!(matches!(refusal(ledger.submit(&waiting).await), Refusal::Expired { now, .. } if now == end));
    drop(ledger);
    let ledger = home.open();
    assert!(matches!(refusal(ledger.submit(&waiting).await), Refusal::Expired { now, .. } if now == end));
    let mut next = payment(&home, 1, 2, 3);
    next.valid_until = next.valid_until.plus_millis(3_600_000);
    assert_eq!(receipt(ledger.submit(&sign(1, &next)).await).recorded, end);
    drop(ledger);
    home.verify().unwrap();
}

/// A refusal says the time as an answer about a status does.
#[tokio::test]
async fn what_was_refused_as_too_late_is_never_recorded() {
    let home = Home::new();
    let ledger = home.open();
    let waiting = payment(&home, 1, 2, 2);
    let end = waiting.valid_until;
    let waiting = sign(1, &waiting);
    home.advance(3_600_000);
    assert!(matches!(refusal(ledger.submit(&waiting).await), Refusal::Expired { now, .. } if now == end));
    drop(ledger);
    home.advance(-3_600_000);
    let ledger = home.open();
    assert!(matches!(refusal(ledger.submit(&waiting).await), Refusal::Expired { now, .. } if now == end));
}

/// One page less in every commit; the last entry keeps the time over a restart.
#[tokio::test]
async fn only_a_time_that_no_entry_holds_is_written_beside_the_log() {
    let home = Home::new();
    let latest =
        || -> i64 { home.hands().query_row("SELECT latest FROM about", [], |row| row.get(0)).unwrap() };
    let ledger = home.open();
    let first = receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, 1))).await);
    assert_eq!(latest(), 0);
    home.advance(5_000);
    assert_eq!(ledger.status(&[7; 32]).await, Ok(Status::Absent { as_of: home.now() }));
    let told = first.recorded.millis() + 5_000;
    assert_eq!(latest(), told);
    home.advance(1_000);
    let second = receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, 1))).await);
    assert_eq!(latest(), told);
    drop(ledger);
    home.advance(-60_000);
    let ledger = home.open();
    let mut third = payment(&home, 1, 2, 1);
    third.created = third.created.plus_millis(60_000);
    assert_eq!(receipt(ledger.submit(&sign(1, &third)).await).recorded, second.recorded);
    assert_eq!(latest(), told);
    drop(ledger);
    home.verify().unwrap();
}

#[tokio::test]
async fn a_failed_commit_is_unknown_and_the_file_is_read_again() {
    let home = Home::new();
    let ledger = home.open();
    receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, 10))).await);
    let signed = sign(1, &payment(&home, 1, 2, 20));
    home.sql("CREATE TRIGGER stop BEFORE INSERT ON nonces BEGIN SELECT RAISE(ABORT, 'stop'); END");
    for _ in 0..2 {
        assert!(matches!(ledger.submit(&signed).await, Err(LedgerError::Unknown(_))));
        assert!(matches!(ledger.status(&signed.payload().digest()).await, Err(LedgerError::Unknown(_))));
    }
    home.sql("DROP TRIGGER stop");
    assert_eq!(receipt(ledger.submit(&signed).await).position, 1);
    drop(ledger);
    assert_eq!(home.verify().unwrap().size, 2);
    assert_eq!(balance(&home, 2), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_spend_what_is_there_and_no_more() {
    let home = Home::new();
    let ledger = Arc::new(home.open());
    // Room for 40 of 100 payments of 25.00 out of 1000.00.
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (ledger, signed) = (ledger.clone(), sign(1, &payment(&home, 1, 2, 2_500)));
            tokio::spawn(async move { ledger.submit(&signed).await })
        })
        .collect();
    let (mut recorded, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(Outcome::Recorded(_)) => recorded += 1,
            Err(LedgerError::Refused(Refusal::Funds { .. })) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((recorded, refused), (40, 60));
    drop(ledger);
    assert_eq!((balance(&home, 1), balance(&home, 2)), (0, 100_000));
    assert_eq!(home.verify().unwrap().size, 40);
}

#[test]
fn only_a_ledger_of_its_own_genesis_opens() {
    let home = Home::new();
    assert!(Embedded::create(home.path(), &home.genesis).is_err(), "a ledger is never replaced");
    let other = home::genesis(&[(3, 1)]);
    assert!(verify(&home.file(), &other, |_| ()).is_err());
    let open = Embedded::open_with(home.path(), other, home.clock(), |_| ());
    assert!(open.err().unwrap().to_string().contains("another ledger"));
    let gone = Embedded::open(
        home.path(),
        &home.path().join("missing.json"),
        std::sync::Arc::new(bursar::clock::wall),
    )
    .err()
    .unwrap();
    assert!(gone.to_string().contains("missing.json"), "{gone}");
}

#[tokio::test]
async fn the_ledgers_own_view_of_what_an_account_sent() {
    let home = Home::new();
    let ledger = home.open();
    for units in 1..=3 {
        receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, units))).await);
    }
    let sent = ledger.sent_since(1).unwrap();
    assert_eq!(
        sent.iter().map(|s| (s.from, s.position)).collect::<Vec<_>>(),
        [(account(1), 1), (account(1), 2)]
    );
    let reader = ledger.reader().unwrap();
    let entries = reader.entries(2, 10).unwrap();
    assert_eq!((entries.len(), entries[0].payload.digest()), (1, sent[1].digest));
    assert_eq!(reader.receipt(&sent[1].digest).unwrap().unwrap().position, 2);
    let overview = reader.overview().unwrap();
    assert_eq!((overview.size, overview.id), (3, home.genesis.id()));
    assert!(ledger.sent_since(3).unwrap().is_empty());
}

#[tokio::test]
async fn without_a_ledger_nothing_is_ever_given_back() {
    let home = Home::new();
    let ledger = Unrecorded::new(home.genesis.id());
    let signed = sign(1, &payment(&home, 1, 2, 1));
    assert_eq!(ledger.id(), home.genesis.id());
    assert_eq!(ledger.submit(&signed).await, Ok(Outcome::HandedOut));
    assert!(matches!(ledger.status(&signed.payload().digest()).await, Err(LedgerError::Unknown(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Payments among four accounts, all at once: the balances are those of one after the other
    /// in the order of the log, nobody falls below zero, and the sum stays what it was.
    #[test]
    fn balances_are_exact(payments in prop::collection::vec((1u8..=4, 1u8..=4, 1u64..60_000), 1..100)) {
        let home = Home::funded(&[(1, 100_000), (2, 50_000), (3, 7)]);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let ledger = Arc::new(home.open());
        let signed: Vec<SignedTransfer> = payments
            .iter()
            .filter(|(from, to, _)| from != to)
            .map(|(from, to, units)| sign(*from, &payment(&home, *from, *to, *units)))
            .collect();
        let mut recorded: Vec<(u64, SignedTransfer)> = runtime.block_on(async {
            let tasks: Vec<_> = signed
                .into_iter()
                .map(|signed| {
                    let ledger = ledger.clone();
                    tokio::spawn(async move { (ledger.submit(&signed).await, signed) })
                })
                .collect();
            let mut recorded = Vec::new();
            for task in tasks {
                match task.await.unwrap() {
                    (Ok(Outcome::Recorded(receipt)), signed) => recorded.push((receipt.position, signed)),
                    (Err(LedgerError::Refused(Refusal::Funds { .. })), _) => {}
                    (other, _) => panic!("{other:?}"),
                }
            }
            recorded
        });
        drop(ledger);
        recorded.sort_by_key(|(position, _)| *position);
        let mut model = [0i128, 100_000, 50_000, 7, 0];
        for (_, signed) in &recorded {
            let transfer = signed.payload().transfer();
            let index = |key| (1..=4u8).find(|i| account(*i) == key).map(usize::from).unwrap();
            let units: i128 = transfer.amount.to_string().parse().unwrap();
            model[index(transfer.from)] -= units;
            model[index(transfer.to)] += units;
            prop_assert!(model.iter().all(|balance| *balance >= 0));
        }
        prop_assert_eq!(model.iter().sum::<i128>(), 150_007);
        for who in 1..=4u8 {
            prop_assert_eq!(i128::from(balance(&home, who)), model[usize::from(who)]);
        }
        prop_assert_eq!(home.verify().unwrap().size, u64::try_from(recorded.len()).unwrap());
    }
}

#[test]
fn amounts_beyond_64_bits_are_exact() {
    // 2^256 - 1, all of it, moves from one account to another.
    let home = Home::with(home::genesis_of([(account(1), eur(), Amount::MAX)]));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ledger = home.open();
    let mut all = payment(&home, 1, 2, 1);
    all.amount = Amount::MAX;
    receipt(runtime.block_on(ledger.submit(&sign(1, &all))));
    drop(ledger);
    let overview = home.reader().overview().unwrap();
    assert_eq!(overview.balances, [(account(2), eur(), Amount::MAX)]);
    let bytes = home.reader().entries(0, 1).unwrap()[0].payload.bytes().to_vec();
    assert!(Payload::decode(Kind::Pay, bytes).is_ok());
}
