//! Damage and fraud in the embedded ledger's file, and receipts that are proved offline.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "ledger/home.rs"]
#[allow(dead_code)]
mod home;

use bursar::ledger::Ledger;
use bursar::ledger::embedded::Embedded;
use bursar::ledger::embedded::genesis::Genesis;
use bursar::ledger::embedded::proof::{ProvenReceipt, ReceiptError, verify_receipt};
use bursar_core::log::{Checkpoint, SignedCheckpoint};
use home::{Home, NODE, account, payment, receipt, sign, sign_bytes};
use rusqlite::params;

fn sign_checkpoint(seed: u8, checkpoint: Checkpoint) -> SignedCheckpoint {
    let signature = sign_bytes(seed, checkpoint.text_to_sign().as_bytes());
    checkpoint.attach(&account(seed), &signature).unwrap()
}

/// A ledger with this many payments and a signed checkpoint over all of them.
async fn filled(count: u64) -> Home {
    let home = Home::new();
    let ledger = home.open();
    for _ in 0..count {
        receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, 3))).await);
        home.advance(1_000);
    }
    keep(&ledger).await;
    home
}

async fn keep(ledger: &Embedded) {
    let checkpoint = ledger.checkpoint_to_sign().await.unwrap();
    assert!(ledger.keep_checkpoint(&sign_checkpoint(NODE, checkpoint)).await.unwrap());
}

fn leaf(home: &Home, position: u64) -> Vec<u8> {
    let sql = "SELECT leaf FROM records WHERE position = ?1";
    home.hands().query_row(sql, [position], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn every_flipped_byte_of_every_entry_is_found_and_named() {
    let home = filled(3).await;
    home.verify().unwrap();
    let hands = home.hands();
    let write = |position: u64, leaf: &[u8]| {
        hands.execute("UPDATE records SET leaf = ?2 WHERE position = ?1", params![position, leaf]).unwrap();
    };
    for position in 0..3 {
        let good = leaf(&home, position);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            write(position, &bad);
            let error = home.verify().expect_err(&format!("entry {position} byte {at}")).to_string();
            assert!(error.contains(&format!("at record {position}:")), "entry {position} byte {at}: {error}");
        }
        write(position, &good);
    }
    home.verify().unwrap();
}

#[tokio::test]
async fn every_flipped_byte_of_the_checkpoint_is_found() {
    let home = filled(3).await;
    let hands = home.hands();
    let good: String = hands.query_row("SELECT text FROM checkpoint", [], |row| row.get(0)).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[at] ^= 1 << (at % 7);
        // What is no text any more is damage that SQLite's own types show.
        let sql = "UPDATE checkpoint SET text = CAST(?1 AS TEXT)";
        hands.execute(sql, [&bad]).unwrap();
        assert!(home.verify().is_err(), "byte {at}");
        assert!(home.try_open().is_err(), "byte {at}");
    }
}

/// Each row of each table, edited by somebody who knows the file.
#[tokio::test]
async fn tables_that_contradict_the_log_are_found() {
    let home = filled(300).await;
    home.verify().unwrap();
    let balance = "UPDATE balances SET amount = '900000' WHERE amount = '900'";
    for (what, sql, place) in [
        ("balance", balance, "balances"),
        ("balance gone", "DELETE FROM balances WHERE amount = '900'", "balances"),
        ("balance unreadable", "UPDATE balances SET amount = '0900' WHERE amount = '900'", "balances"),
        ("nonce free again", "DELETE FROM nonces WHERE position = 7", "entry 7"),
        ("nonce too many", "INSERT INTO nonces VALUES (x'00', 7)", "nonces"),
        ("transaction gone", "DELETE FROM transactions WHERE position = 299", "entry 299"),
        ("transaction moved", "UPDATE transactions SET position = 8 WHERE position = 7", "entry 7"),
        (
            "transaction redated",
            "UPDATE transactions SET recorded = recorded + 1 WHERE position = 7",
            "entry 7",
        ),
        ("transaction too many", "INSERT INTO transactions VALUES (x'00', 7, 0)", "transactions"),
        ("node", "UPDATE nodes SET hash = zeroblob(32)", "records 0 to 255"),
        ("root", "UPDATE records SET root = zeroblob(32) WHERE position = 299", "record 299"),
        ("root within", "UPDATE records SET root = zeroblob(32) WHERE position = 7", "record 7"),
        ("root gone", "UPDATE records SET root = NULL WHERE position = 299", "299"),
        ("entry cut out", "DELETE FROM records WHERE position = 150", "record 150"),
        ("last entry cut off", "DELETE FROM records WHERE position = 299", "transactions"),
        (
            "entries swapped",
            "UPDATE records SET position = 300 - position WHERE position IN (100, 200)",
            "record 100",
        ),
        ("time told", "UPDATE about SET latest = -1", "about"),
        ("another ledger", "UPDATE about SET ledger = zeroblob(32)", "another ledger"),
        ("mark", "PRAGMA application_id = 1", "mark"),
    ] {
        let copy = copy(&home);
        if what == "entries swapped" {
            copy.sql(
                "UPDATE records SET position = -1 WHERE position = 100;
                 UPDATE records SET position = 100 WHERE position = 200;
                 UPDATE records SET position = 200 WHERE position = -1;",
            );
        } else {
            copy.sql(sql);
        }
        let error = copy.verify().expect_err(what).to_string();
        assert!(error.contains(place), "{what}: {error}");
        assert!(copy.try_open().is_err(), "{what}");
    }
}

/// The same ledger in a folder of its own.
fn copy(home: &Home) -> Home {
    let copy = Home::with(home.genesis.clone());
    std::fs::remove_file(copy.file()).unwrap();
    home.hands().execute("VACUUM INTO ?1", [copy.file().to_str().unwrap()]).unwrap();
    copy.sql("PRAGMA journal_mode = WAL");
    copy
}

/// Somebody with the file but without the node key writes a whole ledger anew.
#[tokio::test]
async fn a_ledger_written_anew_does_not_pass_under_the_signed_checkpoint() {
    let (honest, forged) = (filled(5).await, Home::new());
    let ledger = forged.open();
    for _ in 0..6 {
        receipt(ledger.submit(&sign(1, &payment(&forged, 1, 3, 9))).await);
    }
    drop(ledger);
    forged.verify().unwrap();
    let text: String = honest.hands().query_row("SELECT text FROM checkpoint", [], |row| row.get(0)).unwrap();
    forged.hands().execute("INSERT INTO checkpoint VALUES (1, ?1)", [&text]).unwrap();
    let error = forged.verify().unwrap_err().to_string();
    assert!(error.contains("cut off or replaced"), "{error}");

    let cut = Home::new();
    let ledger = cut.open();
    receipt(ledger.submit(&sign(1, &payment(&cut, 1, 2, 3))).await);
    drop(ledger);
    cut.hands().execute("INSERT INTO checkpoint VALUES (1, ?1)", [&text]).unwrap();
    assert!(cut.verify().unwrap_err().to_string().contains("cut off or replaced"));
}

#[tokio::test]
async fn only_the_node_keys_checkpoints_of_this_log_are_kept() {
    let home = filled(3).await;
    let ledger = home.open();
    let now = ledger.checkpoint_to_sign().await.unwrap();
    let mut root = now.clone();
    root.root[0] ^= 1;
    let mut size = now.clone();
    size.size += 1;
    let mut origin = now.clone();
    origin.origin = "bursar-ledger/other".parse().unwrap();
    for wrong in [root, size, origin] {
        assert!(!ledger.keep_checkpoint(&sign_checkpoint(NODE, wrong)).await.unwrap());
    }
    assert!(!ledger.keep_checkpoint(&sign_checkpoint(1, now.clone())).await.unwrap());
    let older = sign_checkpoint(NODE, now);
    assert!(ledger.keep_checkpoint(&older).await.unwrap());
    receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, 3))).await);
    keep(&ledger).await;
    assert!(ledger.keep_checkpoint(&older).await.unwrap());
    let kept = ledger.reader().unwrap().overview().unwrap().checkpoint.unwrap();
    assert_eq!(kept.checkpoint().size, 4, "an older one does not replace a newer");
}

#[tokio::test]
async fn a_receipt_verifies_with_the_genesis_alone() {
    let home = filled(300).await;
    let ledger = home.open();
    receipt(ledger.submit(&sign(1, &payment(&home, 1, 2, 3))).await);
    let reader = ledger.reader().unwrap();
    assert!(matches!(reader.prove(300), Err(ReceiptError::NotCovered(300))));
    assert!(matches!(reader.prove(999), Err(ReceiptError::NotCovered(999))));
    keep(&ledger).await;
    let genesis = Genesis::parse(home.genesis.canonical()).unwrap();
    for position in [0, 17, 255, 256, 299, 300] {
        let json = serde_json::to_string(&reader.prove(position).unwrap()).unwrap();
        let read: ProvenReceipt = serde_json::from_str(&json).unwrap();
        let proven = verify_receipt(&genesis, &read).unwrap();
        assert_eq!(proven.receipt.position, position);
        let digest = proven.transfer.payload().digest();
        assert_eq!(reader.receipt(&digest).unwrap(), Some(proven.receipt));
        assert_eq!(proven.checkpoint.checkpoint().size, 301);
    }
    let other = home::genesis(&[(3, 1)]);
    assert!(verify_receipt(&other, &reader.prove(0).unwrap()).is_err());
}

#[tokio::test]
async fn every_flipped_byte_of_a_proven_receipt_is_found() {
    let home = filled(5).await;
    let json = serde_json::to_string(&home.reader().prove(2).unwrap()).unwrap();
    for at in 0..json.len() {
        let mut bytes = json.clone().into_bytes();
        bytes[at] ^= 1 << (at % 8);
        let Ok(read) = serde_json::from_slice::<ProvenReceipt>(&bytes) else { continue };
        assert!(verify_receipt(&home.genesis, &read).is_err(), "byte {at}");
    }
}

#[test]
fn a_genesis_has_one_id_however_it_is_written() {
    // Canonical bytes and SHA-256 by Python's json and hashlib modules.
    let canonical = include_str!("ledger/genesis.json").trim_end();
    let genesis = Genesis::parse(canonical.as_bytes()).unwrap();
    assert_eq!(genesis.id().to_string(), "bba0ad9fda52363ebb6aeb7402de958a083fafe492c53d0d35ec883d9b0357b0");
    assert_eq!(genesis.canonical(), canonical.as_bytes());
    let mut value: serde_json::Value = serde_json::from_str(canonical).unwrap();
    for list in ["assets", "balances"] {
        value[list].as_array_mut().unwrap().reverse();
    }
    let laid_out = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(Genesis::parse(laid_out.as_bytes()).unwrap(), genesis);
}

#[test]
fn a_genesis_keeps_the_rules() {
    let good = include_str!("ledger/genesis.json");
    let big = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    for (what, from, to) in [
        ("version", r#""version":1"#, r#""version":2"#),
        ("unknown field", "{", r#"{"x":1,"#),
        ("field twice", "{", r#"{"threshold":0,"#),
        ("field missing", r#","threshold":0"#, ""),
        ("threshold", r#""threshold":0"#, r#""threshold":1"#),
        ("no asset", r#"[{"name":"EUR","decimals":2},{"name":"GRANT","decimals":0}]"#, "[]"),
        ("asset twice", "GRANT\",\"decimals\":0", "EUR\",\"decimals\":0"),
        ("too many decimals", r#""decimals":2"#, r#""decimals":37"#),
        ("unknown asset", r#""asset":"GRANT""#, r#""asset":"USD""#),
        ("balance twice", r#""asset":"GRANT""#, r#""asset":"EUR""#),
        ("nothing", r#""amount":"5""#, r#""amount":"0""#),
        ("negative", r#""amount":"5""#, r#""amount":"-5""#),
        ("a number", r#""amount":"5""#, r#""amount":5"#),
        ("supply beyond 2^256 - 1", r#""amount":"5""#, &format!(r#""amount":"{big}""#)),
        (
            "node key",
            "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "p256:032927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838",
        ),
        (
            "endorser",
            r#""endorsers":[]"#,
            r#""endorsers":["ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"]"#,
        ),
    ] {
        assert!(good.contains(from), "{what}");
        assert!(Genesis::parse(good.replacen(from, to, 1).as_bytes()).is_err(), "{what}");
    }
}
