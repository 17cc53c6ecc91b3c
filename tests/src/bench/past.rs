//! A book with a long past, written with the book's own records: a year of recorded payments.
//!
//! Only a token makes a signature that the book keeps through its front door, at a few thousand a
//! second. The records' signatures here are none; the book verifies only those it is to send again.

use std::path::Path;
use std::time::Duration;

use bursar::book::draft::{Circumstances, Draft};
use bursar::book::hex::Hex;
use bursar::book::record::{Allowed, InForce, Opened, Record, Recorded, Signed};
use bursar::book::request::{IdempotencyKey, SpendRequest, idempotency_id};
use bursar::book::view::State;
use bursar::book::{Book, FILE, MARK, read};
use bursar::clock::{Tolerance, Watch};
use bursar::store::file;
use bursar::store::log::LogTable;
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Draw, Policy, Question, Verdict, judge};
use bursar_core::time::Timestamp;
use rusqlite::{Connection, params};

/// A year in milliseconds.
const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
/// Payments in one transaction while writing.
const BATCH: u64 = 10_000;

/// Who pays whom under which policy.
pub struct Story {
    /// The bundle.
    pub policy: std::sync::Arc<Policy>,
    /// What is asked each time.
    pub request: SpendRequest,
    /// Who asks.
    pub caller: Name,
    /// The account's key.
    pub from: PublicKey,
}

impl Story {
    /// The request under a key and nonce of this number.
    pub fn draft(&self, number: u64, now: Timestamp) -> Draft {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&number.to_le_bytes());
        let around = Circumstances {
            from: self.from,
            ledger: LedgerId([9; 32]),
            nonce,
            now,
            valid_for: 900_000,
            patience: 900_000,
        };
        let request = self.request.clone();
        let (name, roles) = (self.caller.clone(), bursar::caller::Roles::NONE);
        let caller = bursar::caller::Identity { name, roles, user: None };
        Draft::new(&self.policy, caller, key(number), request, around).expect("a payment")
    }

    /// What the policy draws from its budgets for it.
    fn draws(&self, draft: &Draft, now: Timestamp) -> (Name, Vec<Draw>) {
        let intent = draft.subject.as_ref().expect("a payment").intent();
        let question = Question {
            intent: &intent,
            account: &self.request.from,
            caller: &self.caller,
            roles: bursar_core::role::Roles::NONE,
            now,
        };
        match judge(&self.policy, &question) {
            Verdict::Allow(permit) => (permit.rule().clone(), permit.draws().to_vec()),
            Verdict::Deny(denial) => panic!("{denial}"),
        }
    }
}

fn key(number: u64) -> IdempotencyKey {
    format!("{number:016x}").parse().expect("a key")
}

/// The machine's clock, trusted.
pub fn watch() -> Watch {
    let hour = Duration::from_secs(3600);
    Watch::new(Tolerance { running: hour, restarted: hour })
}

/// Makes a book with so many recorded payments, evenly spread over a year up to now.
pub fn write(home: &Path, story: &Story, count: u64) {
    let id = "00112233445566778899aabbccddeeff";
    Book::create(home, id).expect("a new book");
    let connection = file::open(&home.join(FILE), MARK, false).expect("the new book");
    // Durable only when it is whole: nothing is lost if the machine stops in between.
    connection.pragma_update(None, "synchronous", "OFF").expect("a setting");
    let end = bursar::clock::wall();
    let begin = end.plus_millis(-YEAR);
    // A book begins when it is made; this one begins again, a year earlier.
    connection.execute("DELETE FROM records", []).expect("the new book");
    let mut book = Writing { log: LogTable::open(&connection, |_, _| Ok(())).expect("the log"), connection };
    book.run("BEGIN");
    book.append(&Record::Opened(Opened { at: begin, home: id.to_owned() }));
    let policy = Hex(story.policy.hash());
    let in_force = InForce { at: begin, policy, proposal: None, until: None, then: None };
    let position = book.append(&Record::Policy(in_force));
    let text = (story.policy.hash(), story.policy.text());
    book.connection
        .execute("INSERT INTO bundles VALUES (?1, ?2)", params![text.0.as_slice(), text.1])
        .and_then(|_| book.connection.execute("INSERT INTO in_force VALUES (1, ?1)", params![position]))
        .expect("the policy in force");
    let (rule, draws) = story.draws(&story.draft(0, begin), begin);
    for number in 1..=count {
        let at = begin.plus_millis(
            i64::try_from(u128::from(number) * YEAR as u128 / u128::from(count + 1)).unwrap_or(YEAR),
        );
        book.payment(story, number, at, &rule, &draws);
        if number.is_multiple_of(BATCH) {
            book.commit();
            book.run("BEGIN");
        }
    }
    book.commit();
    book.connection.pragma_update(None, "synchronous", "FULL").expect("a setting");
    book.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("the disk writes");
}

struct Writing {
    connection: Connection,
    log: LogTable,
}

impl Writing {
    fn payment(&mut self, story: &Story, number: u64, at: Timestamp, rule: &Name, draws: &[Draw]) {
        let draft = story.draft(number, at);
        let payload = draft.subject.expect("a payment");
        let body = draft.request.hash();
        let recipient = story.policy.recipient_at(&payload.transfer().to).expect("a recipient");
        let allowed = Allowed {
            at,
            spend: number,
            caller: draft.caller,
            roles: draft.roles,
            key: draft.key,
            body: Hex(body),
            account: draft.request.from,
            recipient: recipient.name.clone(),
            decimals: 2,
            policy: Hex(story.policy.hash()),
            rule: rule.clone(),
            draws: draws.to_vec(),
            transfer: read::raw(&payload).expect("JSON"),
            action: payload.kind(),
            votes: Vec::new(),
            user: None,
        };
        let idem = idempotency_id(&allowed.caller, None, &allowed.key);
        let decision = self.append(&Record::Allowed(Box::new(allowed)));
        let signed = self.append(&Record::Signed(Signed { at, spend: number, signature: Hex([7; 64]) }));
        let recorded = Recorded { at, spend: number, position: number - 1, recorded: at };
        let last = self.append(&Record::Recorded(recorded));
        self.connection
            .prepare_cached("INSERT INTO spends VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
            .and_then(|mut insert| {
                let state = State::Recorded.code();
                insert.execute(params![
                    number,
                    idem.as_slice(),
                    body.as_slice(),
                    state,
                    decision,
                    signed,
                    last
                ])
            })
            .expect("a row");
    }

    fn append(&mut self, record: &Record) -> u64 {
        let leaf = serde_json::to_vec(record).expect("a record");
        self.log.append(&self.connection, &leaf).expect("the disk writes")
    }

    fn commit(&mut self) {
        self.log.save(&self.connection).expect("the disk writes");
        self.run("COMMIT");
    }

    fn run(&self, sql: &str) {
        self.connection.execute_batch(sql).expect("the disk writes");
    }
}
