//! How long it takes to verify votes, to count them, and to put a batch together.
//!
//! `cargo bench -p bursar-core --bench approval`
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a benchmark may stop")]

#[path = "../tests/support/people.rs"]
#[allow(dead_code)]
mod people;

use std::hint::black_box;

use bursar_core::approval::quorum::{Need, missing};
use bursar_core::approval::{Batch, Roster, Verdict, Vote, tally};
use bursar_core::name::Name;
use divan::Bencher;
use people::{Signing, asked, ballot, item, name, now};

fn main() {
    divan::main();
}

/// Who signs.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Ed25519,
    P256,
}

fn signing(kind: Kind, seed: u8) -> Signing {
    match kind {
        Kind::Ed25519 => Signing::ed25519(seed),
        Kind::P256 => Signing::p256(seed),
    }
}

fn person(seed: u8) -> Name {
    name(&format!("person {seed}"))
}

/// One vote of each of `count` people on the same payment, which is one of forty.
fn votes(kind: Kind, count: u8) -> Vec<Vote> {
    let batch = Batch::new((1..=40).map(item).collect()).unwrap();
    let of = |seed| {
        let payload = ballot(&batch, person(seed).as_str(), Verdict::Approve, "November");
        batch.votes(&signing(kind, seed).sign(payload).unwrap()).unwrap().remove(6)
    };
    (1..=count).map(of).collect()
}

/// As they come from a file or over HTTP: text, signature and proof.
#[divan::bench(args = [Kind::Ed25519, Kind::P256])]
fn verify_5_votes(bencher: Bencher, kind: Kind) {
    let texts: Vec<String> = votes(kind, 5).iter().map(Vote::to_json).collect();
    bencher.bench(|| {
        texts.iter().map(|text| Vote::parse(black_box(text).as_bytes()).unwrap()).collect::<Vec<_>>()
    });
}

#[divan::bench(args = [5, 100])]
fn tally_votes(bencher: Bencher, count: u8) {
    let votes = votes(Kind::Ed25519, count);
    let people = (1..=count).map(|seed| (person(seed), vec![signing(Kind::Ed25519, seed).public()], false));
    let (roster, asked) = (Roster::new(people).unwrap(), asked(7));
    assert_eq!(tally(&roster, &asked, now(), &votes).approved.len(), usize::from(count));
    bencher.bench(|| tally(&roster, black_box(&asked), now(), &votes));
}

#[divan::bench(args = [1, 40, 1000])]
fn put_a_batch_together(bencher: Bencher, count: u64) {
    let items: Vec<_> = (1..=count).map(item).collect();
    bencher.bench(|| Batch::new(black_box(items.clone())).unwrap());
}

/// Three groups of so many people, each person in two of them, one vote short.
#[divan::bench(args = [6, 60])]
fn missing_votes(bencher: Bencher, people: u8) {
    let group = |left_out: u8| Need {
        need: u32::from(people) / 3,
        from: (0..people).filter(|seed| seed % 3 != left_out).map(person).collect(),
        label: left_out.to_string(),
    };
    let needs: Vec<_> = (0..3).map(group).collect();
    let voters = (1..people).map(person).collect();
    assert_eq!(missing(&needs, &voters).len(), 1);
    bencher.bench(|| missing(black_box(&needs), &voters));
}
