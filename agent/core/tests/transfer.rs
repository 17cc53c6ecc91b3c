//! transfer.v1: its one encoding, its rules, and the proof of its signature.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use bursar_core::decode::transfer::{
    MAX_LIFE_MS, MAX_MEMO, MAX_SIGNING_BYTES, Memo, Nonce, PAYLOAD_TYPE, Payload, SignedTransfer, Transfer,
    TransferError,
};
use bursar_core::envelope::Envelope;
use bursar_core::intent::{Action, LedgerId, Value};
use bursar_core::key::{PublicKey, Signature};
use bursar_core::time::Timestamp;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use vectors::{cases, text};

fn signer(seed: u8) -> (SigningKey, PublicKey) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let public = PublicKey::ed25519(*key.verifying_key().as_bytes()).unwrap();
    (key, public)
}

fn transfer() -> Transfer {
    Transfer {
        ledger: LedgerId([0x11; 32]),
        from: signer(1).1,
        to: signer(2).1,
        asset: "EUR".parse().unwrap(),
        amount: "12050".parse().unwrap(),
        memo: "invoice 17".parse().unwrap(),
        nonce: Nonce([5; 16]),
        created: "2026-11-22T09:30:00Z".parse().unwrap(),
        valid_until: "2026-11-22T10:30:00Z".parse().unwrap(),
    }
}

fn sign(payload: &Payload) -> Signature {
    Signature(signer(1).0.sign(&payload.signing_bytes()).to_bytes())
}

fn text_of(payload: &Payload) -> String {
    String::from_utf8(payload.bytes().to_vec()).unwrap()
}

#[test]
fn agrees_with_securesystemslib() {
    for case in cases("transfer", "cases") {
        let envelope = Envelope::from_json(text(&case, "envelope").as_bytes()).unwrap();
        let signed = SignedTransfer::from_envelope(&envelope).unwrap();
        let payload = signed.payload();
        assert_eq!(text_of(payload), text(&case, "payload"));
        assert_eq!(payload.digest().to_vec(), vectors::hex(&case, "pae_sha256"));
        assert_eq!(payload.transfer().from.to_string(), text(&case, "key"));
        assert_eq!(payload.transfer().memo.as_str(), "Fresh \"Market\" & Söhne \\ 17");
        assert_eq!(Payload::encode(payload.transfer().clone()).as_ref(), Ok(payload));
        assert_eq!(signed.to_envelope().to_json(), text(&case, "envelope"));
    }
}

#[test]
fn the_policy_sees_what_is_signed() {
    let payload = Payload::encode(transfer()).unwrap();
    let (intent, wrote) = (payload.intent(), transfer());
    assert_eq!(intent.action, Action::Pay);
    assert_eq!((intent.ledger, intent.from, intent.to), (wrote.ledger, wrote.from, Some(wrote.to)));
    assert_eq!(intent.value, Some(Value { asset: wrote.asset, amount: wrote.amount }));
    assert_eq!((intent.created, intent.valid_until), (wrote.created, wrote.valid_until));
    let signing = payload.signing_bytes();
    let head = format!("DSSEv1 39 {PAYLOAD_TYPE} {} ", payload.bytes().len());
    assert!(signing.starts_with(head.as_bytes()) && signing.ends_with(payload.bytes()));
    assert_eq!(payload.digest(), <[u8; 32]>::from(Sha256::digest(&signing)));
}

#[test]
fn rules_and_their_boundaries() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let with = |edit: &dyn Fn(&mut Transfer)| {
        let mut transfer = transfer();
        edit(&mut transfer);
        Payload::encode(transfer)
    };
    assert_eq!(with(&|t| t.amount = "0".parse().unwrap()), Err(TransferError::Nothing));
    assert!(with(&|t| t.amount = "1".parse().unwrap()).is_ok());
    assert_eq!(with(&|t| t.to = t.from), Err(TransferError::SameAccount));
    assert_eq!(with(&|t| t.created = t.created.plus_millis(1)), Err(TransferError::Fraction));
    assert_eq!(with(&|t| t.valid_until = t.valid_until.plus_millis(1)), Err(TransferError::Fraction));
    let life = |ms| with(&|t| t.valid_until = t.created.plus_millis(ms));
    assert!(life(1000).is_ok() && life(MAX_LIFE_MS).is_ok());
    for wrong in [0, -1000, MAX_LIFE_MS + 1000] {
        assert!(matches!(life(wrong), Err(TransferError::Life { .. })), "{wrong}");
    }
    let end = at("9999-12-30T21:59:59Z");
    assert!(with(&|t| (t.created, t.valid_until) = (end.plus_millis(-1000), end)).is_ok());
    assert!(matches!(Payload::decode(vec![b' '; 5000]), Err(TransferError::TooLong(5000))));
}

#[test]
fn the_longest_transfer_fits_every_token() {
    let mut longest = transfer();
    longest.asset = "A".repeat(64).parse().unwrap();
    longest.amount = bursar_core::amount::Amount::MAX;
    longest.memo = "\"".repeat(MAX_MEMO).parse().unwrap();
    longest.from = "p256:032927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838".parse().unwrap();
    longest.to =
        "secp256k1:03b838ff44e5bc177bf21189d0766082fc9d843226887fc9760371100b7ee20a6f".parse().unwrap();
    let payload = Payload::encode(longest).unwrap();
    assert!(payload.signing_bytes().len() < MAX_SIGNING_BYTES, "{}", payload.signing_bytes().len());
    assert_eq!(Payload::decode(payload.bytes().to_vec()), Ok(payload));
}

#[test]
fn only_one_spelling_decodes() {
    let good = text_of(&Payload::encode(transfer()).unwrap());
    let edit = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let cases = [
        ("space", edit(",", ", ")),
        ("space before", format!(" {good}")),
        ("newline behind", format!("{good}\n")),
        ("escape without need", edit("EUR", "\\u0045UR")),
        ("escaped slash", edit("invoice 17", "a\\/b")),
        ("order of fields", edit(r#""asset":"EUR","amount":"12050""#, r#""amount":"12050","asset":"EUR""#)),
        ("unknown field", edit("}", r#","fee":"1"}"#)),
        ("field twice", edit("}", r#","amount":"1"}"#)),
        ("field missing", edit(r#""memo":"invoice 17","#, "")),
        ("amount as a number", edit(r#""12050""#, "12050")),
        ("amount with a sign", edit("12050", "+12050")),
        ("amount with a zero in front", edit("12050", "012050")),
        ("amount with an exponent", edit("12050", "1e3")),
        ("negative amount", edit("12050", "-1")),
        ("key as an address", edit(&signer(2).1.to_string(), &signer(2).1.address())),
        ("hex in upper case", edit("05050505", "0505050A")),
        ("nonce too short", edit("0505", "05")),
        ("ledger in upper case", edit("1111", "AA11")),
        ("time with an offset", edit("09:30:00Z", "09:30:00+00:00")),
        ("time with a fraction", edit("09:30:00Z", "09:30:00.000Z")),
        ("memo with a control character", edit("invoice 17", "a\\u0007")),
        ("memo with a bidirectional override", edit("invoice 17", "a\u{202e}b")),
        ("byte order mark", format!("\u{feff}{good}")),
        ("an array", r#"["1","2"]"#.to_owned()),
        ("empty", String::new()),
    ];
    for (what, case) in cases {
        assert!(Payload::decode(case.into_bytes()).is_err(), "{what}");
    }
}

#[test]
fn no_proof_without_the_payers_signature() {
    let payload = Payload::encode(transfer()).unwrap();
    let signature = sign(&payload);
    let signed = SignedTransfer::verify(payload.clone(), signature).unwrap();
    assert_eq!((signed.payload(), signed.signature()), (&payload, &signature));

    let mut other = transfer();
    other.amount = "12051".parse().unwrap();
    let other = Payload::encode(other).unwrap();
    assert_eq!(SignedTransfer::verify(other, signature), Err(TransferError::Signature(signer(1).1)));

    let good = signed.to_envelope();
    let mut another_type = good.clone();
    another_type.payload_type = "application/vnd.bursar.record.v1+json".into();
    assert!(matches!(SignedTransfer::from_envelope(&another_type), Err(TransferError::Type(_))));
    let mut unsigned = good.clone();
    unsigned.signatures.clear();
    let mut by_another = good.clone();
    by_another.signatures[0].keyid = signer(2).1;
    let mut by_two = good.clone();
    by_two.signatures.push(by_another.signatures[0]);
    for wrong in [unsigned, by_another, by_two] {
        assert_eq!(SignedTransfer::from_envelope(&wrong), Err(TransferError::Signer(signer(1).1)));
    }
    // The bytes alone, without DSSE's type in front, are not what is signed.
    let bare = Signature(signer(1).0.sign(payload.bytes()).to_bytes());
    assert!(SignedTransfer::verify(payload, bare).is_err());
}

#[test]
fn every_flipped_byte_of_a_payload_is_refused_or_another_transaction() {
    let payload = Payload::encode(transfer()).unwrap();
    let signature = sign(&payload);
    for at in 0..payload.bytes().len() {
        for bit in 0..8 {
            let mut bytes = payload.bytes().to_vec();
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = Payload::decode(bytes) {
                assert_ne!(changed.digest(), payload.digest(), "byte {at}");
                assert!(SignedTransfer::verify(changed, signature).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_an_envelope_is_refused() {
    let payload = Payload::encode(transfer()).unwrap();
    let signed = SignedTransfer::verify(payload.clone(), sign(&payload)).unwrap();
    let json = signed.to_envelope().to_json().into_bytes();
    let read = |bytes: &[u8]| {
        let envelope = Envelope::from_json(bytes).ok()?;
        SignedTransfer::from_envelope(&envelope).ok()
    };
    assert_eq!(read(&json), Some(signed));
    for at in 0..json.len() {
        for bit in 0..8 {
            let mut bytes = json.clone();
            bytes[at] ^= 1 << bit;
            assert_eq!(read(&bytes), None, "byte {at} bit {bit}");
        }
    }
}

prop_compose! {
    fn transfers()(
        ledger: [u8; 32], nonce: [u8; 16], amount in 1u64.., start in 0i64..250_000_000_000, life in 1i64..=86_400,
        memo in "[ -~à-ÿ一-龥\"\\\\]{0,40}", asset in "[A-Za-z0-9-]{1,64}", seeds in (3u8..100, 100u8..),
    ) -> Transfer {
        let memo: Memo = memo.parse().unwrap();
        let created = Timestamp::from_millis(start * 1000).unwrap();
        Transfer {
            ledger: LedgerId(ledger), from: signer(seeds.0).1, to: signer(seeds.1).1, asset: asset.parse().unwrap(),
            amount: amount.into(), memo, nonce: Nonce(nonce), created, valid_until: created.plus_millis(life * 1000),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_encoded_decodes(transfer in transfers()) {
        let payload = Payload::encode(transfer.clone()).unwrap();
        prop_assert_eq!(payload.transfer(), &transfer);
        prop_assert_eq!(Payload::decode(payload.bytes().to_vec()), Ok(payload));
    }

    #[test]
    fn different_transfers_have_different_digests(a in transfers(), b in transfers()) {
        let same = a == b;
        let digest = |t| Payload::encode(t).unwrap().digest();
        prop_assert_eq!(digest(a) == digest(b), same);
    }

    #[test]
    fn the_decoder_survives_mutations(edits in prop::collection::vec((0usize..2000, any::<u8>()), 0..8), cut in 1usize..2000) {
        let mut bytes = Payload::encode(transfer()).unwrap().bytes().to_vec();
        for (at, to) in edits {
            let at = at % bytes.len();
            bytes[at] = to;
        }
        bytes.truncate(cut);
        if let Ok(payload) = Payload::decode(bytes.clone()) {
            prop_assert_eq!(payload.bytes(), &bytes[..]);
            prop_assert_eq!(Payload::encode(payload.transfer().clone()), Ok(payload));
        }
    }

    #[test]
    fn the_decoder_survives_anything(bytes: Vec<u8>) {
        prop_assert!(Payload::decode(bytes).is_err());
    }
}
