//! DSSE envelopes against the specification's vector, and against damage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use bursar_core::envelope::{Envelope, EnvelopeError, MAX_ENVELOPE, MAX_PAYLOAD, MAX_SIGNATURES, pae};
use data_encoding::BASE64;
use proptest::prelude::*;
use vectors::{hex, text};

const KEY: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn json(keyid: &str, sig: &[u8]) -> String {
    let sig = BASE64.encode(sig);
    format!(r#"{{"payloadType":"t","payload":"aGk=","signatures":[{{"keyid":"{keyid}","sig":"{sig}"}}]}}"#)
}

fn parse(json: &str) -> Result<Envelope, EnvelopeError> {
    Envelope::from_json(json.as_bytes())
}

#[test]
fn agrees_with_the_specification() {
    for case in vectors::folder("dsse") {
        let (kind, payload) = (text(&case, "payload_type"), text(&case, "payload").as_bytes());
        assert_eq!(pae(kind, payload), text(&case, "pae").as_bytes());
        let envelope = parse(text(&case, "envelope")).unwrap();
        assert_eq!(envelope.payload, payload);
        let [one] = envelope.signatures[..] else { panic!("one signature") };
        assert_eq!(one.signature.0.to_vec(), hex(&case, "signature"));
        assert!(one.keyid.verify(&envelope.signing_bytes(), &one.signature));
        assert_eq!(envelope.to_json(), text(&case, "envelope"));
    }
    // Lengths count bytes: é has two. By hand after protocol.md.
    assert_eq!(pae("t/é", "é".as_bytes()), "DSSEv1 4 t/é 2 é".as_bytes());
    assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
}

#[test]
fn refuses_every_other_form() {
    let good = json(KEY, &[7; 64]);
    assert!(parse(&good).is_ok());
    assert!(parse(&format!(" {good}\n")).is_ok(), "white space between values is JSON's own");
    let edit = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let sig = BASE64.encode(&[7; 64]);
    let many = (0..=MAX_SIGNATURES).map(|i| format!(r#"{{"keyid":"{}","sig":"{sig}"}}"#, numbered(i)));
    let many = many.collect::<Vec<_>>().join(",");
    let deep = "[".repeat(10_000);
    let long = "A".repeat(4 * (MAX_PAYLOAD + 1).div_ceil(3));
    let cases = [
        ("unknown field", edit("{", r#"{"x":1,"#)),
        ("unknown field of a signature", edit(r#"[{"#, r#"[{"cert":"","#)),
        ("field twice", edit("{", r#"{"payload":"aGk=","#)),
        ("field of a signature twice", edit(r#"[{"#, &format!(r#"[{{"sig":"{sig}","#))),
        ("field missing", edit(r#""payloadType":"t","#, "")),
        ("no payload", edit(r#""aGk=""#, "null")),
        ("no keyid", edit(&format!(r#""keyid":"{KEY}","#), "")),
        ("base64 without padding", edit("aGk=", "aGk")),
        ("base64 of the URL alphabet", edit("aGk=", "-_-_")),
        ("base64 with trailing bits", edit("aGk=", "aGl=")),
        ("base64 with a line break", edit("aGk=", "aG\\nk=")),
        ("payload too long", edit("aGk=", &long)),
        ("payload type too long", edit(r#""t""#, &format!("\"{}\"", "t".repeat(129)))),
        ("no signature", r#"{"payloadType":"t","payload":"aGk=","signatures":[]}"#.to_owned()),
        ("one key twice", edit("]", &format!(r#",{{"keyid":"{KEY}","sig":"{sig}"}}]"#))),
        ("too many signatures", format!(r#"{{"payloadType":"t","payload":"","signatures":[{many}]}}"#)),
        ("key as an address", edit(KEY, &KEY.parse::<bursar_core::key::PublicKey>().unwrap().address())),
        ("key in upper case", edit("d75a", "D75A")),
        ("signature too short", json(KEY, &[7; 63])),
        ("signature too long", json(KEY, &[7; 65])),
        ("something behind it", format!("{good}{{}}")),
        ("too long", format!("{good}{}", " ".repeat(MAX_ENVELOPE))),
        ("too deep", edit(r#""t""#, &deep)),
        ("empty", String::new()),
    ];
    for (what, case) in cases {
        assert!(parse(&case).is_err(), "{what}");
    }
    assert!(Envelope::from_json(b"\xff").is_err());
}

/// A real Ed25519 point per number: the base point's multiples would need arithmetic, so keys are
/// made from seeds.
fn numbered(i: usize) -> String {
    let seed = [u8::try_from(i).unwrap(); 32];
    let key = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    format!("ed25519:{}", data_encoding::HEXLOWER.encode(key.as_bytes()))
}

#[test]
fn ecdsa_takes_strict_der_with_low_s_only() {
    let dsse = vectors::folder("dsse").remove(0);
    let key = text(&dsse, "key");
    let der = BASE64.decode(text(&dsse, "der").as_bytes()).unwrap();
    assert!(parse(&json(key, &der)).is_ok());
    // SEQUENCE { INTEGER r (32 bytes, below 0x80), INTEGER s (32 bytes, below 0x80) }
    assert_eq!((&der[..4], &der[36..38]), (&[0x30, 68, 2, 32][..], &[2, 32][..]));
    let (r, s) = (&der[4..36], &der[38..]);
    let seq = |body: &[u8]| [&[0x30, u8::try_from(body.len()).unwrap()][..], body].concat();
    let int = |value: &[u8]| [&[2, u8::try_from(value.len()).unwrap()][..], value].concat();
    // n - s by hand: the order of P-256 less the published s.
    let order = vectors::bytes("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let high = minus(&order, s);
    let cases = [
        ("raw r || s", [r, s].concat()),
        ("high S", seq(&[int(r), int(&[&[0][..], &high].concat())].concat())),
        ("needless zero", seq(&[int(&[&[0][..], r].concat()), int(s)].concat())),
        ("negative r", seq(&[int(&[&[0xff][..], r].concat()), int(s)].concat())),
        ("long form length", [&[0x30, 0x81, 68], &der[2..]].concat()),
        ("indefinite length", [&[0x30, 0x80], &der[2..], &[0, 0]].concat()),
        ("trailing byte", [&der[..], &[0]].concat()),
        ("trailing byte inside", seq(&[int(r), int(s), vec![0]].concat())),
        ("third integer", seq(&[int(r), int(s), int(&[1])].concat())),
        ("r = 0", seq(&[int(&[0]), int(s)].concat())),
        ("s = 0", seq(&[int(r), int(&[0])].concat())),
        ("r = n", seq(&[int(&[&[0][..], &order].concat()), int(s)].concat())),
        ("s missing", seq(&int(r))),
        ("empty", Vec::new()),
    ];
    for (what, case) in cases {
        assert_eq!(parse(&json(key, &case)), Err(EnvelopeError::Signature), "{what}");
    }
}

fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut digits: Vec<u8> = (a.iter().rev().zip(b.iter().rev()))
        .map(|(a, b)| {
            let d = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(d < 0);
            u8::try_from(d.rem_euclid(256)).unwrap()
        })
        .collect();
    digits.reverse();
    digits
}

proptest! {
    #[test]
    fn what_is_written_reads_back(kind in "[ -~é\"\\\\]{0,60}", payload: Vec<u8>, sig: [u8; 32]) {
        let signature = bursar_core::key::Signature([sig, sig].concat().try_into().unwrap());
        let keyid = KEY.parse().unwrap();
        let signatures = vec![bursar_core::envelope::EnvelopeSignature { keyid, signature }];
        let envelope = Envelope { payload_type: kind, payload, signatures };
        prop_assert_eq!(parse(&envelope.to_json()), Ok(envelope));
    }

    #[test]
    fn the_parser_survives_mutations(edits in prop::collection::vec((0usize..1000, any::<u8>()), 0..12), cut in 0usize..1000) {
        let mut bytes = json(KEY, &[7; 64]).into_bytes();
        for (at, to) in edits {
            let at = at % bytes.len();
            bytes[at] = to;
        }
        bytes.truncate(cut.max(1));
        if let Ok(envelope) = Envelope::from_json(&bytes) {
            prop_assert_eq!(Envelope::from_json(envelope.to_json().as_bytes()), Ok(envelope));
        }
    }

    #[test]
    fn the_parser_survives_anything(bytes: Vec<u8>) {
        prop_assert!(Envelope::from_json(&bytes).is_err());
    }
}
