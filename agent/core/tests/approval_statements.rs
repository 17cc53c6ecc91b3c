//! What people sign: one encoding each, their rules, and the proof of the signature.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/people.rs"]
#[allow(dead_code)]
mod people;
#[path = "support/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use bursar_core::approval::{
    ApprovalError, Ballot, BreakGlass, Freeze, Lift, MAX_BATCH, MAX_PERIOD_MS, Payload, PolicyChange, Signed,
    Statement, Verdict,
};
use bursar_core::decode::memo::Memo;
use bursar_core::decode::transfer::{MAX_SIGNING_BYTES, Nonce};
use bursar_core::envelope::Envelope;
use bursar_core::hex::Hex;
use people::{Signing, at, name, now};
use serde_json::Value;
use vectors::{cases, text};

const WHY: &str = "Müller & Söhne \"GmbH\" \\ 17";

fn home() -> Hex<16> {
    "00112233445566778899aabbccddeeff".parse().unwrap()
}

fn end() -> bursar_core::time::Timestamp {
    at("2026-11-29T09:30:00Z")
}

fn a_ballot() -> Ballot {
    Ballot {
        approver: name("anna"),
        verdict: Verdict::Refuse,
        count: 40,
        root: Hex([0x66; 32]),
        signed: now(),
        expires: end(),
        why: WHY.parse().unwrap(),
    }
}

fn policy_change() -> PolicyChange {
    PolicyChange {
        version: 7,
        sha256: Hex([0x44; 32]),
        previous: Hex([0x33; 32]),
        home: home(),
        administrator: name("anna"),
        verdict: Verdict::Refuse,
        signed: now(),
        expires: end(),
        why: WHY.parse().unwrap(),
    }
}

fn break_glass() -> BreakGlass {
    BreakGlass {
        version: 8,
        sha256: Hex([0x44; 32]),
        previous: Hex([0x33; 32]),
        home: home(),
        approver: name("anna"),
        verdict: Verdict::Refuse,
        signed: now(),
        expires: end(),
        why: WHY.parse().unwrap(),
    }
}

fn freeze() -> Freeze {
    Freeze {
        home: home(),
        account: name("payroll"),
        approver: name("anna"),
        why: WHY.parse().unwrap(),
        signed: now(),
        nonce: "000102030405060708090a0b0c0d0e0f".parse().unwrap(),
    }
}

fn lift() -> Lift {
    Lift {
        home: home(),
        account: name("payroll"),
        freeze: Hex([0x55; 32]),
        approver: name("anna"),
        signed: now(),
        expires: end(),
        verdict: Verdict::Refuse,
        why: WHY.parse().unwrap(),
    }
}

/// Every vector of one kind holds, and says what this statement says.
fn agrees<T: Statement>(noun: &str, expected: impl Fn(&Value) -> T) {
    let all = cases("statement", "cases");
    let own: Vec<_> = all.iter().filter(|case| text(case, "noun") == noun).collect();
    assert_eq!(own.len(), 2, "{noun}: one for each algorithm");
    for case in own {
        let envelope = text(case, "envelope");
        let signed = Signed::<T>::parse(envelope.as_bytes()).unwrap();
        assert_eq!(*signed.statement(), expected(case), "{noun}");
        assert_eq!(signed.statement().person().as_str(), "anna");
        let payload = Payload::encode(signed.statement().clone()).unwrap();
        assert_eq!(payload.bytes(), text(case, "payload").as_bytes(), "{noun}");
        assert_eq!(signed.digest().to_vec(), vectors::hex(case, "pae_sha256"), "{noun}");
        assert_eq!(signed.key().to_string(), text(case, "key"));
        assert_eq!(signed.to_json(), envelope);
    }
    // No signature for one purpose is valid for another.
    for other in all.iter().filter(|case| text(case, "noun") != noun) {
        let refused = Signed::<T>::parse(text(other, "envelope").as_bytes());
        assert!(matches!(refused, Err(ApprovalError::Type { .. })), "{noun}: {refused:?}");
    }
}

#[test]
fn agree_with_python() {
    let root = |case: &Value| -> Hex<32> {
        let payload: Value = serde_json::from_str(text(case, "payload")).unwrap();
        text(&payload, "root").parse().unwrap()
    };
    agrees("approval", |case| Ballot { root: root(case), ..a_ballot() });
    agrees("policy", |_| policy_change());
    agrees("break-glass", |_| break_glass());
    agrees("freeze", |_| freeze());
    agrees("lift", |_| lift());
}

/// The rules that every decision keeps, on one kind of statement.
fn decides<T: Statement>(set: impl Fn(Verdict, &str, i64) -> T) {
    let made = |verdict, why, period| Payload::encode(set(verdict, why, period)).map(drop);
    for (verdict, why, period, ok) in [
        (Verdict::Approve, "", MAX_PERIOD_MS, true),
        (Verdict::Approve, "", MAX_PERIOD_MS + 1, false),
        (Verdict::Approve, "", 1, true),
        (Verdict::Approve, "", 0, false),
        (Verdict::Approve, "", -1, false),
        (Verdict::Approve, "fine", 1, true),
        (Verdict::Refuse, "no", 1, true),
        (Verdict::Refuse, "", 1, false),
        (Verdict::Refuse, "   ", 1, false),
    ] {
        assert_eq!(made(verdict, why, period).is_ok(), ok, "{} {verdict:?} {why:?} {period}", T::NOUN);
    }
    assert_eq!(made(Verdict::Refuse, "", 1), Err(ApprovalError::NoReason));
    assert!(matches!(made(Verdict::Approve, "", 0), Err(ApprovalError::Period { .. })));
    // Read with the same rules as written.
    let good = String::from_utf8(Payload::encode(set(Verdict::Refuse, "no", 1000)).unwrap().bytes().to_vec());
    let blank = good.unwrap().replace(r#""why":"no""#, r#""why":"""#).into_bytes();
    assert_eq!(Payload::<T>::decode(blank).map(drop), Err(ApprovalError::NoReason), "{}", T::NOUN);
}

#[test]
fn rules_of_every_decision() {
    let memo = |why: &str| -> Memo { why.parse().unwrap() };
    let end = |period| now().plus_millis(period);
    decides(|verdict, why, p| Ballot { verdict, why: memo(why), expires: end(p), ..a_ballot() });
    decides(|verdict, why, p| PolicyChange { verdict, why: memo(why), expires: end(p), ..policy_change() });
    decides(|verdict, why, p| BreakGlass { verdict, why: memo(why), expires: end(p), ..break_glass() });
    decides(|verdict, why, p| Lift { verdict, why: memo(why), expires: end(p), ..lift() });
}

#[test]
fn rules_of_one_statement() {
    for (count, ok) in [(0, false), (1, true), (MAX_BATCH, true), (MAX_BATCH + 1, false), (u32::MAX, false)] {
        let made = Payload::encode(Ballot { count, ..a_ballot() });
        assert_eq!(made.is_ok(), ok, "{count}");
        assert!(ok || made == Err(ApprovalError::Count(count)));
    }
    let previous = policy_change().previous;
    for (version, sha256, ok) in [
        (0, Hex([1; 32]), false),
        (1, Hex([1; 32]), true),
        (u64::MAX, Hex([1; 32]), true),
        (2, previous, false),
    ] {
        let change = Payload::encode(PolicyChange { version, sha256, ..policy_change() });
        let broken = Payload::encode(BreakGlass { version, sha256, ..break_glass() });
        assert_eq!((change.is_ok(), broken.is_ok()), (ok, ok), "{version} {sha256}");
    }
    assert!(Payload::encode(Freeze { why: Memo::default(), ..freeze() }).is_ok(), "a freeze is in haste");
}

/// Longest names and a reason in which every byte is escaped.
fn fits<T: Statement>(longest: T) {
    let payload = Payload::encode(longest).unwrap();
    let length = payload.signing_bytes().len();
    assert!(length < MAX_SIGNING_BYTES, "{}: {length}", T::NOUN);
    assert_eq!(Payload::decode(payload.bytes().to_vec()), Ok(payload));
}

#[test]
fn the_longest_of_each_fits_every_token() {
    let who = || name(&"N".repeat(64));
    let why = || -> Memo { "\"".repeat(140).parse().unwrap() };
    let signed = at("9999-12-30T21:59:59.001Z");
    let expires = at("9999-12-30T21:59:59.999Z");
    fits(Ballot { approver: who(), why: why(), signed, expires, count: MAX_BATCH, ..a_ballot() });
    fits(PolicyChange {
        administrator: who(),
        why: why(),
        signed,
        expires,
        version: u64::MAX,
        ..policy_change()
    });
    fits(BreakGlass { approver: who(), why: why(), signed, expires, version: u64::MAX, ..break_glass() });
    fits(Freeze { approver: who(), account: who(), why: why(), signed, nonce: Nonce([9; 16]), ..freeze() });
    fits(Lift { approver: who(), account: who(), why: why(), signed, expires, ..lift() });
}

/// Every other spelling of a good payload is refused.
fn one_spelling<T: Statement>(statement: T) {
    let good = String::from_utf8(Payload::encode(statement).unwrap().bytes().to_vec()).unwrap();
    let edit = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        good.replacen(from, to, 1)
    };
    let value: Value = serde_json::from_str(&good).unwrap();
    let cases = [
        ("space", edit(",", ", ")),
        ("space before", format!(" {good}")),
        ("newline behind", format!("{good}\n")),
        ("something behind", format!("{good}0")),
        ("byte order mark", format!("\u{feff}{good}")),
        ("fields in another order", value.to_string()),
        ("unknown field", edit("{", r#"{"x":1,"#)),
        ("field twice", edit("}", r#","why":"no"}"#)),
        ("field missing", edit(r#""anna""#, "null")),
        ("escape without need", edit("anna", "\\u0061nna")),
        ("escaped slash", edit("Söhne", "a\\/b")),
        ("look-alike", edit("anna", "аnna")),
        ("time with an offset", edit("09:30:00Z", "09:30:00+00:00")),
        ("time with a needless fraction", edit("09:30:00Z", "09:30:00.000Z")),
        ("reordering character", edit("Söhne", "a\u{202e}b")),
        ("an array", "[]".to_owned()),
        ("too deep", "[".repeat(1800)),
        ("too long", " ".repeat(MAX_SIGNING_BYTES)),
        ("empty", String::new()),
    ];
    assert_ne!(value.to_string(), good, "the order of fields is not alphabetical");
    for (what, case) in cases {
        assert!(Payload::<T>::decode(case.into_bytes()).is_err(), "{}: {what}", T::NOUN);
    }
    assert!(Payload::<T>::decode(b"\xff".to_vec()).is_err());
    assert!(Payload::<T>::decode(good.into_bytes()).is_ok());
}

#[test]
fn only_one_spelling_decodes() {
    one_spelling(a_ballot());
    one_spelling(policy_change());
    one_spelling(break_glass());
    one_spelling(freeze());
    one_spelling(lift());
    let good = String::from_utf8(Payload::encode(a_ballot()).unwrap().bytes().to_vec()).unwrap();
    for (what, from, to) in [
        ("count as text", "40", "\"40\""),
        ("count with a fraction", "40", "40.0"),
        ("count with an exponent", "40", "4e1"),
        ("count with a sign", "40", "-40"),
        ("count with a zero in front", "40", "040"),
        ("another verdict", "refuse", "abstain"),
        ("verdict in upper case", "refuse", "Refuse"),
        ("hex in upper case", "6666", "AB66"),
        ("root too short", "6666", "66"),
    ] {
        assert!(good.contains(from));
        assert!(Payload::<Ballot>::decode(good.replacen(from, to, 1).into_bytes()).is_err(), "{what}");
    }
}

#[test]
fn no_proof_without_exactly_one_signature_that_holds() {
    for signing in [Signing::ed25519(1), Signing::p256(2)] {
        let payload = Payload::encode(freeze()).unwrap();
        let signed = signing.sign(payload.clone()).unwrap();
        let good = signed.to_envelope();
        assert_eq!(Signed::from_envelope(&good).as_ref(), Ok(&signed));

        let other = Payload::encode(Freeze { account: name("other"), ..freeze() }).unwrap();
        let signature = signing.bytes(&payload.signing_bytes());
        assert!(matches!(
            Signed::verify(other, &signing.public(), &signature),
            Err(ApprovalError::Signature { .. })
        ));
        // The bytes alone, without DSSE's type in front, are not what is signed.
        let bare = signing.bytes(payload.bytes());
        assert!(Signed::verify(payload.clone(), &signing.public(), &bare).is_err());

        let mut unsigned = good.clone();
        unsigned.signatures.clear();
        let mut by_two = good.clone();
        by_two.signatures.extend(Signing::ed25519(9).sign(payload.clone()).unwrap().to_envelope().signatures);
        for (wrong, found) in [(unsigned, 0), (by_two, 2)] {
            let refused = Signed::<Freeze>::from_envelope(&wrong);
            assert_eq!(refused, Err(ApprovalError::Signatures { noun: "a freeze", found }));
        }
        let mut by_another = good.clone();
        by_another.signatures[0].keyid = Signing::ed25519(9).public();
        assert!(Signed::<Freeze>::from_envelope(&by_another).is_err());
    }
    // Accounts' keys do not decide, whatever they sign.
    let account = Signing::secp256k1(1);
    let refused = account.sign(Payload::encode(freeze()).unwrap());
    assert_eq!(refused, Err(ApprovalError::Algorithm(account.public())));
}

fn every_flipped_bit_is_refused<T: Statement>(signing: &Signing, statement: T) {
    let json = signing.sign(Payload::encode(statement).unwrap()).unwrap().to_json().into_bytes();
    assert!(Signed::<T>::parse(&json).is_ok());
    for at in 0..json.len() {
        for bit in 0..8 {
            let mut bytes = json.clone();
            bytes[at] ^= 1 << bit;
            assert!(Signed::<T>::parse(&bytes).is_err(), "{} byte {at} bit {bit}", T::NOUN);
        }
    }
}

#[test]
fn every_flipped_bit_of_an_envelope_is_refused() {
    for signing in [Signing::ed25519(1), Signing::p256(2)] {
        every_flipped_bit_is_refused(&signing, policy_change());
        every_flipped_bit_is_refused(&signing, break_glass());
        every_flipped_bit_is_refused(&signing, freeze());
        every_flipped_bit_is_refused(&signing, lift());
    }
}

#[test]
fn an_envelope_of_another_type_does_not_pass_under_ours() {
    let signed = Signing::ed25519(1).sign(Payload::encode(break_glass()).unwrap()).unwrap();
    let mut relabelled: Envelope = signed.to_envelope();
    relabelled.payload_type = PolicyChange::PAYLOAD_TYPE.to_owned();
    assert!(Signed::<PolicyChange>::from_envelope(&relabelled).is_err());
    // Even where the fields are the same, the type is signed, too.
    let ballot = Signing::ed25519(1).sign(Payload::encode(a_ballot()).unwrap()).unwrap();
    let mut relabelled = ballot.to_envelope();
    relabelled.payload_type = "application/vnd.bursar.approval.v2+json".to_owned();
    assert!(matches!(Signed::<Ballot>::from_envelope(&relabelled), Err(ApprovalError::Type { .. })));
}
