//! Whose decisions count, and what is said of the others.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/people.rs"]
#[allow(dead_code)]
mod people;

use std::collections::BTreeSet;

use bursar_core::approval::{
    Asked, AskedBundle, AskedLift, Batch, BreakGlass, Code, Freeze, Item, Lift, MAX_EARLY_MS, Payload,
    Person, PolicyChange, Roster, RosterError, Signed, Verdict, Vote, one_more, tally,
};
use bursar_core::decode::transfer::Nonce;
use bursar_core::hex::Hex;
use bursar_core::intent::LedgerId;
use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use people::{Signing, asked, at, item, name, now, roster, vote};

fn anna() -> Signing {
    Signing::ed25519(1)
}

fn ben() -> Signing {
    Signing::p256(2)
}

/// What is said of this vote alone, which must not count.
fn refused(vote: Vote, now: Timestamp) -> (Code, String) {
    let mut tally = tally(&roster(), &asked(7), now, &[vote]);
    assert!(tally.approved.is_empty() && tally.refused.is_empty(), "{tally:?}");
    let one = tally.not_counted.remove(0);
    assert!(tally.not_counted.is_empty());
    (one.code, one.why)
}

#[test]
fn case_table() {
    let yes = |signing: &Signing, who: &str| vote(signing, who, Verdict::Approve, item(7));
    let about = |edit: &dyn Fn(&mut Item)| {
        let mut item = item(7);
        edit(&mut item);
        vote(&anna(), "anna", Verdict::Approve, item)
    };
    let cases = [
        (yes(&Signing::ed25519(99), "anna"), Code::UnknownKey, "add it to anna's keys"),
        (yes(&ben(), "anna"), Code::OtherName, "that of ben: sign under that name"),
        (yes(&Signing::ed25519(4), "rex"), Code::Revoked, "rex is revoked"),
        (yes(&Signing::ed25519(3), "rita"), Code::Requester, "ask somebody else"),
        (about(&|i| i.home = Hex([0xcd; 16])), Code::OtherHome, "another home"),
        (about(&|i| i.request = 8), Code::OtherRequest, "request 8, not 7"),
        (about(&|i| i.ledger = LedgerId([0x12; 32])), Code::OtherLedger, "on the ledger 1212"),
        (about(&|i| i.account = name("expenses")), Code::OtherAccount, "the account expenses"),
        (about(&|i| i.digest = Hex([0; 32])), Code::OtherPayment, "the payment changed since"),
        (about(&|i| i.policy = Hex([0; 32])), Code::OtherPolicy, "the policy changed since: approve"),
        (about(&|i| i.requester = Some(name("ben"))), Code::OtherRequester, "ben asked for, not rita"),
        (about(&|i| i.uid = Some(1001)), Code::OtherRequester, "uid 1001 asked for, not uid 1000"),
        (about(&|i| i.uid = None), Code::OtherRequester, "not uid 1000"),
        (about(&|i| i.expires = at("2026-11-26T12:00:00Z")), Code::OtherExpiry, "decide again"),
    ];
    for (vote, code, says) in cases {
        let (found, why) = refused(vote, now());
        assert_eq!(found, code, "{why}");
        assert!(why.contains(says), "{code:?}: {why}");
    }
}

/// Nobody approves what was asked for under a name of theirs, whoever else has that name.
#[test]
fn a_person_has_many_names_and_approves_nothing_asked_under_them() {
    let callers = |names: &[&str]| names.iter().copied().map(name).collect::<BTreeSet<_>>();
    let person = |who: &str, signing: &Signing, names: &[&str]| Person {
        name: name(who),
        keys: vec![signing.public()],
        callers: callers(names),
        revoked: false,
    };
    let roster = Roster::new([
        person("anna", &anna(), &["anna-laptop", "clerks"]),
        person("ben", &ben(), &["clerks"]),
    ])
    .unwrap();
    for (requester, approved) in [
        ("anna", &["ben"][..]),
        ("anna-laptop", &["ben"]),
        ("clerks", &[]),
        ("ben", &["anna"]),
        ("rita", &["anna", "ben"]),
        // Names are compared byte by byte.
        ("Anna-laptop", &["anna", "ben"]),
    ] {
        let item = Item { requester: Some(name(requester)), ..item(7) };
        let votes = [
            vote(&anna(), "anna", Verdict::Approve, item.clone()),
            vote(&ben(), "ben", Verdict::Approve, item.clone()),
        ];
        let tally = tally(&roster, &Asked { item, requester: name(requester) }, now(), &votes);
        assert_eq!(tally.approved, callers(approved), "{requester}");
        assert!(tally.not_counted.iter().all(|one| one.code == Code::Requester), "{tally:?}");
    }
    assert_eq!(roster.asking_as(&name("clerks")), &callers(&["anna", "ben"]));
    assert_eq!(roster.asking_as(&name("rita")), &callers(&[]));
}

/// What was signed before items named the requester counts in the books that have it, and is not
/// taken any more.
#[test]
fn an_item_without_its_requester_is_of_the_past() {
    let old = vote(&anna(), "anna", Verdict::Approve, Item { requester: None, uid: None, ..item(7) });
    let counted = tally(&roster(), &asked(7), now(), std::slice::from_ref(&old));
    assert_eq!(counted.approved, BTreeSet::from([name("anna")]));
    let refused = one_more(&roster(), &asked(7), now(), &[], &old).unwrap_err();
    assert_eq!((refused.approver, refused.code), (name("anna"), Code::OtherRequester));
    let new = vote(&anna(), "anna", Verdict::Approve, item(7));
    assert!(one_more(&roster(), &asked(7), now(), &[], &new).is_ok());
}

#[test]
fn times_and_their_boundaries() {
    let day = 24 * 3_600_000;
    let cast = |signed: Timestamp, life: i64| {
        let batch = Batch::new(vec![item(7)]).unwrap();
        let why = "".parse().unwrap();
        let ballot =
            batch.ballot(name("anna"), Verdict::Approve, why, signed, signed.plus_millis(life)).unwrap();
        batch.votes(&anna().sign(ballot).unwrap()).unwrap().remove(0)
    };
    let counts = |vote: Vote, now: Timestamp| {
        let tally = tally(&roster(), &asked(7), now, &[vote]);
        tally.not_counted.first().map(|one| one.code)
    };
    assert_eq!(counts(cast(now(), day), now()), None);
    assert_eq!(counts(cast(now(), day), now().plus_millis(day - 1)), None);
    assert_eq!(counts(cast(now(), day), now().plus_millis(day)), Some(Code::Expired));
    assert_eq!(
        counts(cast(now(), day), now().plus_millis(-MAX_EARLY_MS)),
        None,
        "the signer's clock is ahead"
    );
    assert_eq!(counts(cast(now(), day), now().plus_millis(-MAX_EARLY_MS - 1)), Some(Code::Early));
    // The request's own end, to the millisecond, though the ballot would hold on.
    let end = item(7).expires;
    let late = cast(end.plus_millis(-2 * 3_600_000), day);
    assert_eq!(counts(late.clone(), end.plus_millis(-1)), None);
    assert_eq!(counts(late.clone(), end), Some(Code::RequestExpired));
    assert!(refused(late, end).1.contains("ask for the payment again"));
    assert!(refused(cast(now(), day), now().plus_millis(day)).1.contains("it expired 2026-11-23T09:30:00Z"));
}

#[test]
fn one_person_one_vote_and_the_first_stands() {
    let (yes, no) = (Verdict::Approve, Verdict::Refuse);
    let votes = [
        // Does not count, so it does not take Anna's vote away.
        vote(&anna(), "anna", no, item(8)),
        vote(&anna(), "anna", yes, item(7)),
        // Her other key is still her; changed minds and copies do not count.
        vote(&Signing::p256(11), "anna", yes, item(7)),
        vote(&anna(), "anna", no, item(7)),
        vote(&ben(), "ben", no, item(7)),
        vote(&ben(), "ben", yes, item(7)),
    ];
    let tally = tally(&roster(), &asked(7), now(), &votes);
    assert_eq!(tally.approved, BTreeSet::from([name("anna")]));
    let [refusal] = &tally.refused[..] else { panic!("{tally:?}") };
    assert_eq!((refusal.approver.as_str(), refusal.why.as_str()), ("ben", "not agreed"));
    let said: Vec<_> = tally.not_counted.iter().map(|one| (one.approver.as_str(), one.code)).collect();
    assert_eq!(
        said,
        [
            ("anna", Code::OtherRequest),
            ("anna", Code::Repeated),
            ("anna", Code::Repeated),
            ("ben", Code::Repeated)
        ]
    );
    assert!(tally.not_counted[1].why.contains("the first decision stands"));
    let json = serde_json::to_value(&tally).unwrap();
    assert_eq!(json["not_counted"][0]["code"], "other-request");
    assert_eq!(json["refused"][0]["why"], "not agreed");
}

#[test]
fn bundles_are_decided_on_by_version_digest_and_what_they_follow() {
    let asked = AskedBundle { home: Hex([1; 16]), version: 7, sha256: Hex([2; 32]), previous: Hex([3; 32]) };
    let change = |asked: AskedBundle| {
        let AskedBundle { home, version, sha256, previous } = asked;
        let (administrator, verdict, why) = (name("anna"), Verdict::Approve, "".parse().unwrap());
        let (signed, expires) = (now(), now().plus_millis(1000));
        let statement =
            PolicyChange { version, sha256, previous, home, administrator, verdict, signed, expires, why };
        anna().sign(Payload::encode(statement).unwrap()).unwrap()
    };
    let broken = |asked: AskedBundle| {
        let AskedBundle { home, version, sha256, previous } = asked;
        let (approver, verdict, why) = (name("anna"), Verdict::Approve, "".parse().unwrap());
        let (signed, expires) = (now(), now().plus_millis(1000));
        let statement =
            BreakGlass { version, sha256, previous, home, approver, verdict, signed, expires, why };
        anna().sign(Payload::encode(statement).unwrap()).unwrap()
    };
    for (about, code) in [
        (asked, None),
        (AskedBundle { home: Hex([9; 16]), ..asked }, Some(Code::OtherHome)),
        (AskedBundle { version: 8, ..asked }, Some(Code::OtherBundle)),
        (AskedBundle { sha256: Hex([9; 32]), ..asked }, Some(Code::OtherBundle)),
        (AskedBundle { previous: Hex([9; 32]), ..asked }, Some(Code::OtherPolicy)),
    ] {
        let first = |tally: bursar_core::approval::Tally| tally.not_counted.first().map(|one| one.code);
        assert_eq!(first(tally(&roster(), &asked, now(), &[change(about)])), code, "{about:?}");
        assert_eq!(first(tally(&roster(), &asked, now(), &[broken(about)])), code, "{about:?}");
    }
    let late = now().plus_millis(1000);
    assert_eq!(tally(&roster(), &asked, late, &[change(asked)]).not_counted[0].code, Code::Expired);
}

fn freeze(signing: &Signing, who: &str) -> Signed<Freeze> {
    let (home, account, approver) = (Hex([1; 16]), name("payroll"), name(who));
    let freeze =
        Freeze { home, account, approver, why: "".parse().unwrap(), signed: now(), nonce: Nonce([7; 16]) };
    signing.sign(Payload::encode(freeze).unwrap()).unwrap()
}

#[test]
fn one_known_person_freezes() {
    let home = Hex([1; 16]);
    let code = |frozen: &Signed<Freeze>, home, now| {
        Freeze::admit(frozen, &roster(), home, now).err().map(|one| one.code)
    };
    let good = freeze(&anna(), "anna");
    assert_eq!(code(&good, home, now()), None);
    assert_eq!(code(&good, home, now().plus_millis(-MAX_EARLY_MS)), None);
    assert_eq!(code(&good, home, now().plus_millis(-MAX_EARLY_MS - 1)), Some(Code::Early));
    assert_eq!(code(&good, Hex([2; 16]), now()), Some(Code::OtherHome));
    assert_eq!(code(&freeze(&ben(), "anna"), home, now()), Some(Code::OtherName));
    assert_eq!(code(&freeze(&Signing::ed25519(4), "rex"), home, now()), Some(Code::Revoked));
    assert_eq!(code(&freeze(&Signing::ed25519(99), "anna"), home, now()), Some(Code::UnknownKey));
}

#[test]
fn a_lift_ends_the_one_freeze_that_it_names() {
    let frozen = freeze(&anna(), "anna");
    let asked = AskedLift { home: Hex([1; 16]), account: name("payroll"), freeze: Hex(frozen.digest()) };
    let lift = |asked: AskedLift, verdict| {
        let AskedLift { home, account, freeze } = asked;
        let (approver, signed, expires, why) =
            (name("ben"), now(), now().plus_millis(1), "fine".parse().unwrap());
        let lift = Lift { home, account, freeze, approver, signed, expires, verdict, why };
        ben().sign(Payload::encode(lift).unwrap()).unwrap()
    };
    for (about, code) in [
        (asked.clone(), None),
        (AskedLift { home: Hex([2; 16]), ..asked.clone() }, Some(Code::OtherHome)),
        (AskedLift { account: name("expenses"), ..asked.clone() }, Some(Code::OtherAccount)),
        (AskedLift { freeze: Hex([0; 32]), ..asked.clone() }, Some(Code::OtherFreeze)),
    ] {
        let tally = tally(&roster(), &asked, now(), &[lift(about, Verdict::Approve)]);
        assert_eq!(tally.not_counted.first().map(|one| one.code), code);
        assert_eq!(tally.approved.len(), usize::from(code.is_none()));
    }
    let tally = tally(&roster(), &asked, now(), &[lift(asked.clone(), Verdict::Refuse)]);
    assert_eq!((tally.refused.len(), tally.approved.len()), (1, 0));
}

#[test]
fn a_key_belongs_to_one_person() {
    let (one, two) = (anna().public(), ben().public());
    let of = |people: &[(&str, Vec<bursar_core::key::PublicKey>)]| {
        Roster::new(people.iter().map(|(who, keys)| (name(who), keys.clone(), false))).map(drop)
    };
    let twice = |first: &str, second: &str| {
        let (first, second): (Name, Name) = (name(first), name(second));
        Err(RosterError::KeyTwice { key: one, first, second })
    };
    assert_eq!(of(&[("anna", vec![one, two]), ("ben", vec![])]), Ok(()));
    assert_eq!(of(&[("anna", vec![one]), ("ben", vec![two, one])]), twice("anna", "ben"));
    assert_eq!(of(&[("anna", vec![one, one])]), twice("anna", "anna"));
    assert_eq!(of(&[("anna", vec![one]), ("anna", vec![two])]), Err(RosterError::NameTwice(name("anna"))));
    let key = Signing::secp256k1(1).public();
    assert_eq!(of(&[("anna", vec![one, key])]), Err(RosterError::Algorithm { name: name("anna"), key }));
    let roster = roster();
    assert_eq!(roster.owner(&Signing::p256(11).public()).map(|person| person.name.as_str()), Some("anna"));
    assert_eq!(roster.owner(&Signing::p256(12).public()), None);
    assert_eq!(roster.person("rex").map(|person| person.revoked), Some(true));
    assert_eq!(roster.person("nobody"), None);
    assert_eq!(roster.people().count(), 5);
}
