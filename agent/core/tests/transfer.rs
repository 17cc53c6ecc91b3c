//! transfer.v1 and issue.v1: their one encoding, their rules, and the proof of their signature.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use bursar_core::decode::transfer::{
    Kind, MAX_LIFE_MS, MAX_MEMO, MAX_SIGNING_BYTES, Memo, Nonce, Payload, SignedTransfer, Transfer,
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
    let mut seen = [0; 2];
    for case in cases("transfer", "cases") {
        let envelope = Envelope::from_json(text(&case, "envelope").as_bytes()).unwrap();
        let signed = SignedTransfer::from_envelope(&envelope).unwrap();
        let payload = signed.payload();
        assert_eq!(text_of(payload), text(&case, "payload"));
        assert_eq!(payload.digest().to_vec(), vectors::hex(&case, "pae_sha256"));
        assert_eq!(payload.transfer().from.to_string(), text(&case, "key"));
        assert_eq!(payload.transfer().memo.as_str(), "Fresh \"Market\" & Söhne \\ 17");
        let kind = payload.kind();
        assert_eq!(kind.payload_type(), envelope.payload_type);
        assert_eq!(Payload::encode_as(kind, payload.transfer().clone()).as_ref(), Ok(payload));
        seen[usize::from(!kind.is_pay())] += 1;
        assert_eq!(signed.to_envelope().to_json(), text(&case, "envelope"));
    }
    assert_eq!(seen, [3, 3], "each algorithm pays and issues");
}

#[test]
fn the_policy_sees_what_is_signed() {
    for (kind, action, head) in [
        (Kind::Pay, Action::Pay, "DSSEv1 39 application/vnd.bursar.transfer.v1+json"),
        (Kind::Issue, Action::Issue, "DSSEv1 36 application/vnd.bursar.issue.v1+json"),
    ] {
        let payload = Payload::encode_as(kind, transfer()).unwrap();
        let (intent, wrote) = (payload.intent(), transfer());
        assert_eq!(intent.action, action);
        assert_eq!((intent.ledger, intent.from, intent.to), (wrote.ledger, wrote.from, Some(wrote.to)));
        assert_eq!(intent.value, Some(Value { asset: wrote.asset, amount: wrote.amount }));
        assert_eq!((intent.created, intent.valid_until), (wrote.created, wrote.valid_until));
        let signing = payload.signing_bytes();
        let head = format!("{head} {} ", payload.bytes().len());
        assert!(signing.starts_with(head.as_bytes()) && signing.ends_with(payload.bytes()));
        assert_eq!(payload.digest(), <[u8; 32]>::from(Sha256::digest(&signing)));
    }
    assert_eq!(Payload::encode(transfer()), Payload::encode_as(Kind::Pay, transfer()));
}

#[test]
fn rules_and_their_boundaries() {
    for kind in Kind::ALL {
        let with = |edit: &dyn Fn(&mut Transfer)| {
            let mut transfer = transfer();
            edit(&mut transfer);
            Payload::encode_as(kind, transfer)
        };
        assert_eq!(with(&|t| t.amount = "0".parse().unwrap()), Err(TransferError::Nothing));
        assert!(with(&|t| t.amount = "1".parse().unwrap()).is_ok());
        assert_eq!(with(&|t| t.to = t.from), Err(TransferError::SameAccount));
        assert_eq!(with(&|t| t.created = t.created.plus_millis(1)), Err(TransferError::Fraction));
        assert_eq!(with(&|t| t.valid_until = t.valid_until.plus_millis(1)), Err(TransferError::Fraction));
        assert!(matches!(Payload::decode(kind, vec![b' '; 5000]), Err(TransferError::TooLong(5000))));
    }
}

/// Seven days by the calendar: over the end of a month, of a year, of a leap year's February, and to
/// the last second that there is.
#[test]
fn the_longest_life() {
    assert_eq!(MAX_LIFE_MS, 604_800_000);
    for (created, valid_until, ok) in [
        ("2026-11-22T09:30:00Z", "2026-11-22T09:30:01Z", true),
        ("2026-11-22T09:30:00Z", "2026-11-22T09:30:00Z", false),
        ("2026-11-22T09:30:00Z", "2026-11-22T09:29:59Z", false),
        ("2026-11-22T09:30:00Z", "2026-11-29T09:30:00Z", true),
        ("2026-11-22T09:30:00Z", "2026-11-29T09:30:01Z", false),
        ("2026-11-27T23:59:59Z", "2026-12-04T23:59:59Z", true),
        ("2026-11-27T23:59:59Z", "2026-12-05T00:00:00Z", false),
        ("2026-12-28T12:00:00Z", "2027-01-04T12:00:00Z", true),
        ("2026-12-28T12:00:00Z", "2027-01-04T12:00:01Z", false),
        ("2028-02-25T00:00:00Z", "2028-03-03T00:00:00Z", true),
        ("2028-02-25T00:00:00Z", "2028-03-03T00:00:01Z", false),
        ("9999-12-30T21:59:58Z", "9999-12-30T21:59:59Z", true),
        ("9999-12-23T21:59:58Z", "9999-12-30T21:59:59Z", false),
    ] {
        for kind in Kind::ALL {
            let mut transfer = transfer();
            (transfer.created, transfer.valid_until) =
                (created.parse().unwrap(), valid_until.parse().unwrap());
            let life = TransferError::Life { created: transfer.created, valid_until: transfer.valid_until };
            let encoded = Payload::encode_as(kind, transfer);
            assert_eq!(encoded.err(), (!ok).then_some(life), "{created} to {valid_until}");
        }
    }
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
    for kind in Kind::ALL {
        let payload = Payload::encode_as(kind, longest.clone()).unwrap();
        assert!(payload.signing_bytes().len() < MAX_SIGNING_BYTES, "{}", payload.signing_bytes().len());
        assert_eq!(Payload::decode(kind, payload.bytes().to_vec()), Ok(payload));
    }
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
        for kind in Kind::ALL {
            assert!(Payload::decode(kind, case.clone().into_bytes()).is_err(), "{what}");
        }
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
    // The same nine fields, issued: another payload type, so another transaction.
    let issue = Payload::encode_as(Kind::Issue, transfer()).unwrap();
    assert_eq!((issue.bytes(), issue.transfer()), (payload.bytes(), payload.transfer()));
    assert_ne!(issue.digest(), payload.digest());
    assert_eq!(SignedTransfer::verify(issue, signature), Err(TransferError::Signature(signer(1).1)));
    let mut issued = good.clone();
    issued.payload_type = Kind::Issue.payload_type().to_owned();
    assert_eq!(SignedTransfer::from_envelope(&issued), Err(TransferError::Signature(signer(1).1)));
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
            if let Ok(changed) = Payload::decode(Kind::Pay, bytes) {
                assert_ne!(changed.digest(), payload.digest(), "byte {at}");
                assert!(SignedTransfer::verify(changed, signature).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_an_envelope_is_refused() {
    let read = |bytes: &[u8]| {
        let envelope = Envelope::from_json(bytes).ok()?;
        SignedTransfer::from_envelope(&envelope).ok()
    };
    for kind in Kind::ALL {
        let payload = Payload::encode_as(kind, transfer()).unwrap();
        let signed = SignedTransfer::verify(payload.clone(), sign(&payload)).unwrap();
        let json = signed.to_envelope().to_json().into_bytes();
        assert_eq!(read(&json), Some(signed));
        for at in 0..json.len() {
            for bit in 0..8 {
                let mut bytes = json.clone();
                bytes[at] ^= 1 << bit;
                assert_eq!(read(&bytes), None, "{kind}: byte {at} bit {bit}");
            }
        }
    }
}

prop_compose! {
    fn transfers()(
        ledger: [u8; 32], nonce: [u8; 16], amount in 1u64.., start in 0i64..250_000_000_000, life in 1i64..=604_800,
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

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_encoded_decodes(kind in kinds(), transfer in transfers()) {
        let payload = Payload::encode_as(kind, transfer.clone()).unwrap();
        prop_assert_eq!((payload.kind(), payload.transfer()), (kind, &transfer));
        prop_assert_eq!(Payload::decode(kind, payload.bytes().to_vec()), Ok(payload));
    }

    #[test]
    fn no_signature_for_one_kind_holds_for_the_other(kind in kinds(), mut transfer in transfers()) {
        transfer.from = signer(1).1;
        let payload = Payload::encode_as(kind, transfer.clone()).unwrap();
        let signature = sign(&payload);
        let signed = SignedTransfer::verify(payload, signature).unwrap();
        prop_assert_eq!(SignedTransfer::from_envelope(&signed.to_envelope()), Ok(signed.clone()));
        let [other] = Kind::ALL.into_iter().filter(|other| *other != kind).collect::<Vec<_>>()[..] else { panic!() };
        let swapped = Payload::encode_as(other, transfer).unwrap();
        prop_assert_eq!(swapped.bytes(), signed.payload().bytes());
        let refused = Err(TransferError::Signature(signer(1).1));
        prop_assert_eq!(SignedTransfer::verify(swapped, signature), refused.clone());
        let mut envelope = signed.to_envelope();
        envelope.payload_type = other.payload_type().to_owned();
        prop_assert_eq!(SignedTransfer::from_envelope(&envelope), refused);
    }

    #[test]
    fn different_transfers_have_different_digests(a in (kinds(), transfers()), b in (kinds(), transfers())) {
        let same = a == b;
        let digest = |(kind, t)| Payload::encode_as(kind, t).unwrap().digest();
        prop_assert_eq!(digest(a) == digest(b), same);
    }

    #[test]
    fn the_decoder_survives_mutations(
        kind in kinds(), edits in prop::collection::vec((0usize..2000, any::<u8>()), 0..8), cut in 1usize..2000,
    ) {
        let mut bytes = Payload::encode(transfer()).unwrap().bytes().to_vec();
        for (at, to) in edits {
            let at = at % bytes.len();
            bytes[at] = to;
        }
        bytes.truncate(cut);
        if let Ok(payload) = Payload::decode(kind, bytes.clone()) {
            prop_assert_eq!(payload.bytes(), &bytes[..]);
            prop_assert_eq!(Payload::encode_as(kind, payload.transfer().clone()), Ok(payload));
        }
    }

    #[test]
    fn the_decoder_survives_anything(kind in kinds(), bytes: Vec<u8>) {
        prop_assert!(Payload::decode(kind, bytes).is_err());
    }
}
