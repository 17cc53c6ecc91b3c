//! Ballots on many payments, and the vote that each of them keeps.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/people.rs"]
#[allow(dead_code)]
mod people;
#[path = "support/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use std::collections::BTreeSet;

use bursar_core::approval::{
    ApprovalError, Batch, BatchError, Code, Item, MAX_BATCH, MAX_VOTE, Verdict, Vote, tally,
};
use bursar_core::hex::Hex;
use bursar_core::log::ProofError;
use people::{Signing, asked, ballot, item, name, now, roster};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use vectors::{cases, text};

#[test]
fn agree_with_python() {
    for case in cases("vote", "cases") {
        let name = text(&case, "name");
        let vote = Vote::parse(text(&case, "vote").as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(vote.to_json(), text(&case, "vote"), "{name}");
        assert_eq!(vote.item().encode().unwrap(), text(&case, "leaf").as_bytes(), "{name}");
        assert_eq!(Item::decode(text(&case, "leaf").as_bytes()).as_ref(), Ok(vote.item()), "{name}");
        assert_eq!(Some(vote.item().request), case["request"].as_u64());
        let signed = vote.ballot().statement();
        assert_eq!(
            (u64::from(signed.count), signed.verdict),
            (case["count"].as_u64().unwrap(), Verdict::Approve)
        );
        // The batch of the same items has the root that Python's hashlib came to.
        let numbered = |request: u64| {
            let digest = Hex(Sha256::digest(format!("payment {request}")).into());
            Item { request, digest, ..vote.item().clone() }
        };
        let batch = Batch::new((1..=u64::from(signed.count)).map(numbered).collect()).unwrap();
        assert_eq!(batch.root().to_vec(), vectors::hex(&case, "root"), "{name}");
        assert!(batch.votes(vote.ballot()).unwrap().contains(&vote), "{name}");
    }
}

fn salaries(count: u64) -> Batch {
    Batch::new((1..=count).map(item).collect()).unwrap()
}

#[test]
fn forty_salaries_one_touch() {
    let (anna, batch) = (Signing::ed25519(1), salaries(40));
    let payload = ballot(&batch, "anna", Verdict::Approve, "November");
    assert!(payload.signing_bytes().len() < 500, "{}", payload.signing_bytes().len());
    let votes = batch.votes(&anna.sign(payload).unwrap()).unwrap();
    assert_eq!(votes.len(), 40);
    for (request, vote) in (1..).zip(&votes) {
        let json = vote.to_json();
        assert!(json.len() < MAX_VOTE / 2, "{}", json.len());
        assert_eq!(Vote::parse(json.as_bytes()).as_ref(), Ok(vote));
        // It shows nothing of the other thirty-nine.
        for other in (1..=40).filter(|other| *other != request) {
            assert!(!json.contains(&item(other).digest.to_string()), "{request} shows {other}");
        }
        for other in 1..=40 {
            let tally = tally(&roster(), &asked(other), now(), std::slice::from_ref(vote));
            if other == request {
                assert_eq!(tally.approved, BTreeSet::from([name("anna")]));
            } else {
                assert_eq!((tally.approved.len(), tally.not_counted[0].code), (0, Code::OtherRequest));
            }
        }
    }
}

#[test]
fn an_item_goes_only_with_its_own_place_and_proof() {
    let batch = salaries(5);
    let ballot = Signing::p256(2).sign(ballot(&batch, "ben", Verdict::Approve, "")).unwrap();
    let votes = batch.votes(&ballot).unwrap();
    let wire: Vec<Value> = votes.iter().map(|vote| serde_json::from_str(&vote.to_json()).unwrap()).collect();
    for (i, one) in wire.iter().enumerate() {
        for (j, other) in wire.iter().enumerate().filter(|(j, _)| *j != i) {
            for fields in [&["item"][..], &["index"], &["proof"], &["item", "index"], &["index", "proof"]] {
                let mut mixed = one.clone();
                for field in fields {
                    mixed[*field] = other[*field].clone();
                }
                let refused = Vote::parse(mixed.to_string().as_bytes());
                assert!(matches!(refused, Err(ApprovalError::Proof(_))), "{i} with {fields:?} of {j}");
            }
        }
    }
    // The order of fields is JSON's own; what is signed is not.
    assert_eq!(Vote::parse(wire[3].to_string().as_bytes()).as_ref(), Ok(&votes[3]));
    let none = Vote::new(ballot.clone(), item(1), 5, Vec::new());
    assert_eq!(none, Err(ApprovalError::Proof(ProofError::Range { position: 5, size: 5 })));
    // Fewer items, or other ones, than were signed.
    assert_eq!(salaries(4).votes(&ballot), Err(ApprovalError::OtherItems));
    let mut changed: Vec<Item> = batch.items().to_vec();
    changed[4].request = 6;
    assert_eq!(Batch::new(changed).unwrap().votes(&ballot), Err(ApprovalError::OtherItems));
}

#[test]
fn bounds_of_a_batch() {
    assert_eq!(Batch::new(Vec::new()).unwrap_err(), BatchError::Count(0));
    let most = salaries(MAX_BATCH.into());
    let signed = Signing::ed25519(1).sign(ballot(&most, "anna", Verdict::Approve, "")).unwrap();
    let last = most.votes(&signed).unwrap().pop().unwrap();
    assert!(last.to_json().len() < MAX_VOTE, "{}", last.to_json().len());
    let more = (0..=u64::from(MAX_BATCH)).map(item).collect();
    assert_eq!(Batch::new(more).unwrap_err(), BatchError::Count(1001));
    let (mut twice, mut elsewhere) = (item(7), item(7));
    twice.digest.0[9] ^= 1;
    elsewhere.home.0[0] ^= 1;
    let home = item(7).home;
    assert_eq!(Batch::new(vec![item(7), twice]).unwrap_err(), BatchError::Twice { home, request: 7 });
    assert!(Batch::new(vec![item(7), elsewhere]).is_ok(), "another home numbers for itself");
}

#[test]
fn the_longest_vote_fits() {
    let longest = |request: u64| Item {
        account: name(&"N".repeat(64)),
        requester: Some(name(&"N".repeat(64))),
        uid: Some(u32::MAX),
        request: u64::MAX - request,
        ..item(1)
    };
    let batch = Batch::new((0..1000).map(longest).collect()).unwrap();
    let why = "\"".repeat(140);
    let signed = Signing::p256(1).sign(ballot(&batch, &"N".repeat(64), Verdict::Refuse, &why)).unwrap();
    let votes = batch.votes(&signed).unwrap();
    let json = votes[0].to_json();
    assert!(json.len() < MAX_VOTE / 2, "{}", json.len());
    assert_eq!(Vote::parse(json.as_bytes()).as_ref(), Ok(&votes[0]));
}

#[test]
fn refuses_every_other_form() {
    let good = people::vote(&Signing::ed25519(1), "anna", Verdict::Approve, item(7)).to_json();
    let edit = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        good.replacen(from, to, 1)
    };
    let deep = "[".repeat(MAX_VOTE - 10);
    let cases = [
        ("unknown field", edit("{", r#"{"x":1,"#)),
        ("unknown field of the item", edit(r#""request":7"#, r#""request":7,"x":1"#)),
        ("field twice", edit(r#""index":0"#, r#""index":0,"index":0"#)),
        ("field of the item twice", edit(r#""request":7"#, r#""request":7,"request":7"#)),
        ("no proof", edit(r#","proof":[]"#, "")),
        ("proof of null", edit("[]}", "null}")),
        ("proof too long", edit("[]}", &format!("[\"{}\"]}}", "00".repeat(32)))),
        ("hash too short", edit("[]}", "[\"00\"]}")),
        ("position beyond", edit(r#""index":0"#, r#""index":1"#)),
        ("negative position", edit(r#""index":0"#, r#""index":-1"#)),
        ("huge position", edit(r#""index":0"#, r#""index":4294967296"#)),
        ("envelope as text", edit(r#""envelope":{"#, r#""envelope":"{"#)),
        ("envelope missing", edit(r#""envelope":"#, r#""item":"#)),
        ("request as text", edit(r#""request":7"#, r#""request":"7""#)),
        ("home in upper case", edit("abab", "ABAB")),
        ("too deep", deep),
        ("something behind it", format!("{good}{{}}")),
        ("too long", format!("{good}{}", " ".repeat(MAX_VOTE))),
        ("empty", String::new()),
    ];
    for (what, case) in cases {
        assert!(Vote::parse(case.as_bytes()).is_err(), "{what}");
    }
    assert!(Vote::parse(b"\xff").is_err());
    assert!(Vote::parse(format!("{good}\n").as_bytes()).is_ok(), "white space between values is JSON's own");
}

#[test]
fn only_one_spelling_of_an_item_decodes() {
    let good = String::from_utf8(item(7).encode().unwrap()).unwrap();
    for (what, case) in [
        ("space", good.replace(",", ", ")),
        ("newline behind", format!("{good}\n")),
        ("escape without need", good.replace("payroll", "\\u0070ayroll")),
        ("another order", serde_json::from_str::<Value>(&good).unwrap().to_string()),
        ("unknown field", good.replace("}", r#","x":1}"#)),
        ("field twice", good.replace("}", r#","request":7}"#)),
        ("request with a zero in front", good.replace(":7,", ":07,")),
        ("time with a needless fraction", good.replace("00Z", "00.000Z")),
        ("too long", " ".repeat(2000)),
    ] {
        assert_ne!(case, good, "{what}");
        assert!(Item::decode(case.as_bytes()).is_err(), "{what}");
    }
    assert_eq!(Item::decode(good.as_bytes()), Ok(item(7)));
}

#[test]
fn every_flipped_bit_is_refused() {
    let batch = salaries(3);
    for signing in [Signing::ed25519(1), Signing::p256(11)] {
        let signed = signing.sign(ballot(&batch, "anna", Verdict::Approve, "")).unwrap();
        let json = batch.votes(&signed).unwrap()[1].to_json().into_bytes();
        assert!(Vote::parse(&json).is_ok());
        for at in 0..json.len() {
            for bit in 0..8 {
                let mut bytes = json.clone();
                bytes[at] ^= 1 << bit;
                assert!(Vote::parse(&bytes).is_err(), "byte {at} bit {bit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_of_any_batch_verifies(count in 1u64..80, seed in 1u8..200) {
        let batch = salaries(count);
        let signing = if seed % 2 == 0 { Signing::ed25519(seed) } else { Signing::p256(seed) };
        let ballot = signing.sign(ballot(&batch, "anna", Verdict::Approve, "")).unwrap();
        for vote in batch.votes(&ballot).unwrap() {
            prop_assert_eq!(Vote::parse(vote.to_json().as_bytes()), Ok(vote));
        }
    }

    #[test]
    fn the_parser_survives_mutations(edits in prop::collection::vec((0usize..4000, any::<u8>()), 0..8), cut in 1usize..4000) {
        let mut bytes = people::vote(&Signing::ed25519(1), "anna", Verdict::Approve, item(7)).to_json().into_bytes();
        let good = bytes.clone();
        for (at, to) in edits {
            let at = at % bytes.len();
            bytes[at] = to;
        }
        bytes.truncate(cut);
        if let Ok(vote) = Vote::parse(&bytes) {
            prop_assert_eq!(vote.to_json().into_bytes(), good);
        }
    }

    #[test]
    fn the_parser_survives_anything(bytes: Vec<u8>) {
        prop_assert!(Vote::parse(&bytes).is_err());
    }
}
