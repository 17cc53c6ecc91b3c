//! A series of bundles, verified by somebody who has only the first.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/people.rs"]
#[allow(dead_code)]
mod people;

use std::sync::Arc;

use bursar_core::approval::{
    BREAK_GLASS_MS, BreakGlass, Chain, ChainError, Code, HomeId, Payload, PolicyChange, Signed,
    SuccessionError, Verdict,
};
use bursar_core::hex::Hex;
use bursar_core::policy::Policy;
use bursar_core::time::Timestamp;
use people::{Signing, at, name, now};

const HOUR: i64 = 3_600_000;
const HOME: HomeId = Hex([0xab; 16]);

/// People by the numbers of their keys: 1 and 2 administer at first, 3 and 4 break the glass.
fn key(person: u8) -> Signing {
    if person.is_multiple_of(2) { Signing::p256(person) } else { Signing::ed25519(person) }
}

fn called(person: u8) -> String {
    format!("person {person}")
}

/// Both of these have to agree to the next one.
fn bundle(version: u64, administrators: [u8; 2], more: &str) -> Arc<Policy> {
    let keys: Vec<_> =
        administrators.iter().map(|p| format!("\"{}\" = \"{}\"", called(*p), key(*p).public())).collect();
    let approvers: String = [3, 4]
        .iter()
        .map(|p| format!("[approvers.\"{}\"]\nkey = \"{}\"\n", called(*p), key(*p).public()))
        .collect();
    let text = format!(
        "version = {version}\n[assets.EUR]\ndecimals = 2\n{approvers}\n[administrators]\nneed = 2\n\
         keys = {{ {} }}\n[break-glass]\nneed = 2\nfrom = [\"person 3\", \"person 4\"]\n{more}",
        keys.join(", ")
    );
    Arc::new(Policy::parse(&text).unwrap())
}

/// Nobody changes it by signature.
fn open(version: u64, more: &str) -> Arc<Policy> {
    Arc::new(Policy::parse(&format!("version = {version}\n[assets.EUR]\ndecimals = 2\n{more}")).unwrap())
}

fn change(person: u8, home: HomeId, before: &Policy, after: &Policy, signed: Timestamp) -> PolicyChange {
    PolicyChange {
        version: after.version(),
        sha256: Hex(after.hash()),
        previous: Hex(before.hash()),
        home,
        administrator: name(&called(person)),
        verdict: Verdict::Approve,
        signed,
        expires: signed.plus_millis(HOUR),
        why: "".parse().unwrap(),
    }
}

fn sign(person: u8, change: PolicyChange) -> Signed<PolicyChange> {
    key(person).sign(Payload::encode(change).unwrap()).unwrap()
}

/// What these people sign now so that one bundle follows another.
fn by(people: &[u8], before: &Policy, after: &Policy) -> Vec<Signed<PolicyChange>> {
    people.iter().map(|p| sign(*p, change(*p, HOME, before, after, now()))).collect()
}

fn glass(people: &[u8], before: &Policy, after: &Policy) -> Vec<Signed<BreakGlass>> {
    let one = |person: &u8| {
        let statement = BreakGlass {
            version: after.version(),
            sha256: Hex(after.hash()),
            previous: Hex(before.hash()),
            home: HOME,
            approver: name(&called(*person)),
            verdict: Verdict::Approve,
            signed: now(),
            expires: now().plus_millis(HOUR),
            why: "".parse().unwrap(),
        };
        key(*person).sign(Payload::encode(statement).unwrap()).unwrap()
    };
    people.iter().map(one).collect()
}

fn chain(own: &Arc<Policy>) -> Chain {
    Chain::begin(HOME, own.clone(), now().plus_millis(HOUR))
}

/// How many do not count, and why the first does not.
fn few(error: &ChainError) -> (usize, Option<Code>) {
    let ChainError::TooFew { few, .. } = error else { return (0, None) };
    (few.have.len(), few.not_counted.first().map(|not| not.code))
}

#[test]
fn each_step_is_agreed_to_by_those_whom_the_one_before_names() {
    // The second has other administrators, whom the first ones agreed to; versions may be left out.
    let (first, second, third) =
        (bundle(1, [1, 2], ""), bundle(4, [5, 6], ""), bundle(5, [5, 6], "# other\n"));
    let mut chain = chain(&first);
    chain.follow(now(), second.clone(), by(&[1, 2], &first, &second)).unwrap();
    chain.follow(now(), third.clone(), by(&[6, 5], &second, &third)).unwrap();
    assert_eq!(chain.last().hash(), third.hash());
    let followed = chain.end(&Hex(third.hash())).unwrap();
    assert_eq!(followed.policy.hash(), third.hash());
    assert!(followed.emergency.is_none());
    let steps: Vec<_> =
        followed.steps.iter().map(|step| (step.version, step.sha256.0, step.by.len())).collect();
    assert_eq!(steps, [(4, second.hash(), 2), (5, third.hash(), 2)]);
    assert!(followed.steps[1].by.contains(&name("person 6")));
}

#[test]
fn an_own_copy_in_force_needs_no_step() {
    let first = bundle(1, [1, 2], "");
    assert!(chain(&first).end(&Hex(first.hash())).unwrap().steps.is_empty());
}

#[test]
fn a_version_that_is_left_out_is_missed() {
    let (first, second, third) = (bundle(1, [1, 2], ""), bundle(2, [1, 2], ""), bundle(3, [1, 2], ""));
    let error = chain(&first).follow(now(), third.clone(), by(&[1, 2], &second, &third)).unwrap_err();
    assert_eq!(few(&error), (0, Some(Code::OtherPolicy)), "{error}");
}

#[test]
fn too_few_or_others_are_no_quorum() {
    let (first, second) = (bundle(1, [1, 2], ""), bundle(2, [5, 6], ""));
    let try_with = |agreements| chain(&first).follow(now(), second.clone(), agreements).unwrap_err();
    for (people, expected) in [
        (&[][..], (0, None)),
        (&[1], (1, None)),
        // A new set that only the new set has signed; approvers; one person twice.
        (&[5, 6], (0, Some(Code::UnknownKey))),
        (&[3, 4], (0, Some(Code::UnknownKey))),
        (&[1, 5], (1, Some(Code::UnknownKey))),
        (&[1, 1], (1, Some(Code::Repeated))),
    ] {
        let error = try_with(by(people, &first, &second));
        assert_eq!(few(&error), expected, "{people:?}: {error}");
        assert!(error.to_string().contains("2 of the administrators have to"), "{error}");
    }
    // One of them with the key of somebody else, under the name of the second.
    let mut stolen = change(5, HOME, &first, &second, now());
    stolen.administrator = name("person 2");
    let forged = vec![by(&[1], &first, &second).remove(0), sign(5, stolen)];
    assert_eq!(few(&try_with(forged)), (1, Some(Code::UnknownKey)));
    // A refusal is none of two.
    let mut no = change(2, HOME, &first, &second, now());
    (no.verdict, no.why) = (Verdict::Refuse, "no".parse().unwrap());
    let refused = vec![by(&[1], &first, &second).remove(0), sign(2, no)];
    assert_eq!(few(&try_with(refused)), (1, None));
}

#[test]
fn what_was_signed_for_another_home_counts_in_none() {
    let (first, second) = (bundle(1, [1, 2], ""), bundle(2, [1, 2], ""));
    let other = [1, 2].map(|p| sign(p, change(p, Hex([0xcd; 16]), &first, &second, now()))).to_vec();
    let error = chain(&first).follow(now(), second.clone(), other.clone()).unwrap_err();
    assert_eq!(few(&error), (0, Some(Code::OtherHome)), "{error}");
    let mut there = Chain::begin(Hex([0xcd; 16]), first, now());
    there.follow(now(), second, other).unwrap();
}

#[test]
fn a_forged_text_is_not_the_one_that_was_signed() {
    let (first, second) = (bundle(1, [1, 2], ""), bundle(2, [1, 2], ""));
    let forged = bundle(2, [1, 2], "[[allow]]\nname = \"everything\"\n");
    let error = chain(&first).follow(now(), forged, by(&[1, 2], &first, &second)).unwrap_err();
    assert_eq!(few(&error), (0, Some(Code::OtherBundle)), "{error}");
}

#[test]
fn nothing_goes_back_to_an_older_version() {
    let (first, second) = (bundle(1, [1, 2], ""), bundle(2, [1, 2], ""));
    for older in [first.clone(), bundle(2, [1, 2], "# another 2\n")] {
        let version = older.version();
        let error = chain(&second).follow(now(), older.clone(), by(&[1, 2], &second, &older)).unwrap_err();
        let why = SuccessionError::Version { new: version, current: 2 };
        assert_eq!(error, ChainError::Succession { version, before: 2, why });
    }
    let text = first.text().replace("decimals = 2", "decimals = 3").replace("version = 1", "version = 3");
    let third = Arc::new(Policy::parse(&text).unwrap());
    let error = chain(&second).follow(now(), third.clone(), by(&[1, 2], &second, &third)).unwrap_err();
    assert!(error.to_string().contains("decimals of EUR"), "{error}");
}

#[test]
fn it_has_to_end_with_the_bundle_in_force() {
    let (first, second, third) = (bundle(1, [1, 2], ""), bundle(2, [1, 2], ""), bundle(3, [1, 2], ""));
    let mut chain = chain(&first);
    chain.follow(now(), second.clone(), by(&[1, 2], &first, &second)).unwrap();
    let error = chain.end(&Hex(third.hash())).unwrap_err();
    let (found, wanted) = (Hex(second.hash()), Hex(third.hash()));
    assert_eq!(error, ChainError::End { version: 2, found, wanted });
}

#[test]
fn every_decision_counted_when_the_step_came_into_force() {
    let (first, second) = (bundle(1, [1, 2], ""), bundle(2, [1, 2], ""));
    let late = Chain::begin(HOME, first.clone(), at("2027-11-22T09:30:00Z"));
    let agreements = by(&[1, 2], &first, &second);
    // A year later they still prove that day.
    late.clone().follow(now(), second.clone(), agreements.clone()).unwrap();
    late.clone().follow(now().plus_millis(HOUR - 1), second.clone(), agreements.clone()).unwrap();
    let error = late.clone().follow(now().plus_millis(HOUR), second.clone(), agreements.clone()).unwrap_err();
    assert_eq!(few(&error), (0, Some(Code::Expired)));
    // Two that were never there at one time.
    let apart = now().plus_millis(2 * HOUR);
    let apart = vec![agreements[0].clone(), sign(2, change(2, HOME, &first, &second, apart))];
    for at in [now(), now().plus_millis(2 * HOUR)] {
        assert_eq!(few(&late.clone().follow(at, second.clone(), apart.clone()).unwrap_err()).0, 1);
    }
    // In the future, or before the step before.
    let (tomorrow, here) = (now().plus_millis(24 * HOUR), now());
    let early = Chain::begin(HOME, first.clone(), here)
        .follow(tomorrow, second.clone(), agreements.clone())
        .unwrap_err();
    assert_eq!(early, ChainError::Early { version: 2, at: tomorrow, now: here });
    let third = bundle(3, [1, 2], "");
    let mut chain = chain(&first);
    chain.follow(now(), second.clone(), agreements).unwrap();
    let before = now().plus_millis(-1);
    let error = chain.follow(before, third.clone(), by(&[1, 2], &second, &third)).unwrap_err();
    assert_eq!(error, ChainError::Order { version: 3, at: before, since: now() });
}

#[test]
fn where_nobody_is_named_nobody_vouches() {
    let (first, second, third) = (bundle(1, [1, 2], ""), open(2, ""), open(2, "# edited\n"));
    let mut chain = chain(&first);
    // That nobody has to agree any more, those before had to agree to.
    assert!(chain.clone().follow(now(), second.clone(), Vec::new()).is_err());
    chain.follow(now(), second.clone(), by(&[1, 2], &first, &second)).unwrap();
    chain.follow(now(), third.clone(), Vec::new()).unwrap();
    assert!(chain.clone().follow(now(), open(1, ""), Vec::new()).is_err(), "an older file is not taken over");
    let steps = chain.end(&Hex(third.hash())).unwrap().steps;
    assert_eq!(steps.iter().map(|step| step.by.len()).collect::<Vec<_>>(), [2, 0]);
}

#[test]
fn break_glass_is_its_quorums_for_a_day_and_nothing_follows_it() {
    let first = bundle(1, [1, 2], "");
    let emergency = open(7, "[[allow]]\nname = \"everything\"\n");
    let begin = |now| Chain::begin(HOME, first.clone(), now);
    let both = glass(&[3, 4], &first, &emergency);
    let mut today = begin(now().plus_millis(BREAK_GLASS_MS - 1));
    today.break_glass(now(), emergency.clone(), both.clone()).unwrap();
    assert_eq!(today.last().hash(), first.hash(), "the own copy stays what the next step follows");
    assert!(today.clone().end(&Hex(first.hash())).is_err(), "the emergency is in force");
    let followed = today.end(&Hex(emergency.hash())).unwrap();
    assert_eq!(followed.policy.hash(), first.hash());
    let found = followed.emergency.unwrap();
    assert_eq!((found.policy.hash(), found.until), (emergency.hash(), at("2026-11-23T09:30:00Z")));
    assert_eq!(found.by.len(), 2);

    let over = now().plus_millis(BREAK_GLASS_MS);
    let error = begin(over).break_glass(now(), emergency.clone(), both.clone()).unwrap_err();
    assert_eq!(error, ChainError::Over { version: 7, until: over, now: over });
    // Said to have begun later, so that it would last: then nothing that was signed counts any more.
    let error = begin(over).break_glass(now().plus_millis(HOUR), emergency.clone(), both).unwrap_err();
    assert_eq!(few(&error), (0, Some(Code::Expired)));
    for people in [&[3][..], &[1, 2], &[3, 1]] {
        let agreements = glass(people, &first, &emergency);
        let error = begin(now()).break_glass(now(), emergency.clone(), agreements).unwrap_err();
        assert!(few(&error).0 < 2, "{people:?}: {error}");
    }
    // A bundle that names no such quorum knows no emergency.
    let mut none = Chain::begin(HOME, open(1, ""), now());
    assert!(none.break_glass(now(), emergency.clone(), Vec::new()).is_err());
}
