//! `bursar policy replay`

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Answer, Flip, Policy, Question, Replay};
use bursar_core::role::Roles;
use bursar_core::time::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::offline;
use crate::book::draft::{Circumstances, Draft};
use crate::book::hex::Hex;
use crate::book::past::{self, Asked, Event, Transfer, What};
use crate::book::read;
use crate::book::request::{IdempotencyKey, SpendRequest};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::output::{Cell, Output, Page, Style, Table, count};
use crate::keys_file::KeysFile;

/// Judge the book's whole history by another bundle: which payments would flip
///
/// Every payment that was ever asked for is judged again in its order, as if NEW had been in force
/// from the beginning: its budgets fill with what it allows. A payment flips if it was allowed and
/// would be denied, or the other way round, or would have waited for somebody's approval. Nothing is
/// changed. Works with and without a running agent.
///
/// Example: bursar policy replay new.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The bundle that judges
    new: PathBuf,
    /// Exit code 1 if any payment flips
    #[arg(long)]
    exit_code: bool,
}

/// Most flips that are listed; all are counted.
const LISTED: usize = 1000;
/// Most keys that are remembered beside those of the bundle.
const REMEMBERED: usize = 100_000;
/// Records between two steps of the bar.
const STRIDE: u64 = 4096;

#[derive(Serialize)]
struct Replayed {
    file: PathBuf,
    hash: Hex<32>,
    version: u64,
    /// Payments that were judged.
    payments: u64,
    flips: u64,
    by_verdict: Vec<Sum>,
    /// Payments that nobody can judge any more: their account is gone.
    skipped: u64,
    /// The first of them, in their order.
    flipped: Vec<Flipped>,
}

/// So many flips from one verdict to another.
#[derive(Serialize)]
struct Sum {
    then: Answer,
    now: Answer,
    flips: u64,
}

#[derive(Serialize)]
struct Flipped {
    spend: u64,
    at: Timestamp,
    payment: String,
    #[serde(flatten)]
    flip: Flip,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let policy = offline::policy(&args.new)?;
    let config = global.config()?;
    let book = read::open(&config.home)?;
    let mut judge = Judge {
        replay: Replay::new(&policy),
        keys: Keys::of(&policy),
        accounts: KeysFile::load(&config.home)?.accounts.into_iter().collect(),
        ledger: offline::ledger(&config)?,
        valid_for: config.valid_for,
        flipped: Vec::new(),
        sums: HashMap::new(),
        skipped: 0,
        policy: &policy,
    };
    let bar = bar(past::size(&book)?);
    past::read(&book, |position, event| {
        if position.is_multiple_of(STRIDE) {
            bar.set_position(position);
        }
        judge.take(event);
        Ok(())
    })?;
    bar.finish_and_clear();
    let mut by_verdict: Vec<Sum> =
        judge.sums.into_iter().map(|((then, now), flips)| Sum { then, now, flips }).collect();
    by_verdict.sort_by_key(|sum| (std::cmp::Reverse(sum.flips), sum.then.to_string(), sum.now.to_string()));
    let replayed = Replayed {
        hash: Hex(policy.hash()),
        version: policy.version(),
        file: args.new,
        payments: judge.replay.judged(),
        flips: judge.replay.flips(),
        by_verdict,
        skipped: judge.skipped,
        flipped: judge.flipped,
    };
    let exit = if args.exit_code && replayed.flips > 0 { Exit::Denied } else { Exit::Done };
    Ok(Output::new(&replayed, page(&replayed)).with_exit(exit))
}

/// Judges what the book tells.
struct Judge<'p> {
    policy: &'p Policy,
    replay: Replay<'p>,
    keys: Keys,
    accounts: HashMap<Name, PublicKey>,
    ledger: LedgerId,
    valid_for: i64,
    flipped: Vec<Flipped>,
    sums: HashMap<(Answer, Answer), u64>,
    skipped: u64,
}

impl Judge<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Asked(asked) => self.asked(*asked),
            Event::Settled(spend, span) => self.replay.settled(spend, span),
            Event::Released(spend) => self.replay.released(spend),
        }
    }

    fn asked(&mut self, asked: Asked<'_>) {
        let intent = match &asked.what {
            What::Transfer(transfer, _) => self.intent(transfer),
            What::Request(request) => match self.draft(&asked, request.clone()) {
                Some(Ok(intent)) => Some(intent),
                Some(Err(denial)) => {
                    let flip = self.replay.asked_in_vain(denial, asked.said.clone());
                    return self.keep(&asked, flip);
                }
                None => None,
            },
        };
        let Some(intent) = intent else {
            self.skipped += 1;
            return;
        };
        let question = Question {
            intent: &intent,
            account: &asked.account,
            caller: &asked.caller,
            roles: Roles::NONE,
            now: asked.at,
        };
        let voters: BTreeSet<Name> = asked.approved_by.iter().cloned().collect();
        let flip = self.replay.asked(asked.spend, &question, &voters, asked.said.clone());
        self.keep(&asked, flip);
    }

    fn keep(&mut self, asked: &Asked<'_>, flip: Option<Flip>) {
        let Some(flip) = flip else { return };
        *self.sums.entry((flip.then.verdict, flip.now.verdict)).or_default() += 1;
        if self.flipped.len() < LISTED {
            self.flipped.push(Flipped { spend: asked.spend, at: asked.at, payment: asked.words(), flip });
        }
    }

    fn intent(&mut self, transfer: &Transfer<'_>) -> Option<Intent> {
        Some(Intent {
            action: Action::Pay,
            ledger: transfer.ledger,
            from: self.keys.get(transfer.from)?,
            to: Some(self.keys.get(transfer.to)?),
            value: Some(Value { asset: transfer.asset.clone(), amount: transfer.amount }),
            fee: None,
            selector: None,
            created: transfer.created,
            valid_until: transfer.valid_until,
        })
    }

    /// Words that were denied, drafted with the names of this bundle. None if there can be no such
    /// transaction.
    fn draft(
        &self,
        asked: &Asked<'_>,
        request: SpendRequest,
    ) -> Option<Result<Intent, bursar_core::policy::Denial>> {
        let around = Circumstances {
            from: *self.accounts.get(&request.from)?,
            ledger: self.ledger,
            nonce: [0; 16],
            now: asked.at,
            valid_for: self.valid_for,
            roles: Roles::NONE,
        };
        let draft =
            Draft::new(self.policy, asked.caller.clone(), IdempotencyKey::none(), request, around).ok()?;
        Some(draft.subject.map(|payload| payload.intent()))
    }
}

/// Keys by their text. Each is read as a point of its curve once, those of the bundle not even that.
struct Keys(HashMap<String, PublicKey>);

impl Keys {
    fn of(policy: &Policy) -> Self {
        Self(
            policy.recipients().map(|recipient| (recipient.address.to_string(), recipient.address)).collect(),
        )
    }

    fn get(&mut self, text: &str) -> Option<PublicKey> {
        if let Some(key) = self.0.get(text) {
            return Some(*key);
        }
        let key = text.parse().ok()?;
        if self.0.len() < REMEMBERED {
            self.0.insert(text.to_owned(), key);
        }
        Some(key)
    }
}

/// On standard error, and only where that is a terminal.
fn bar(records: u64) -> ProgressBar {
    let bar = ProgressBar::new(records);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} records, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn page(replayed: &Replayed) -> Page {
    let mut page = Page::new();
    let (flips, payments) = (replayed.flips, count(replayed.payments, "payment"));
    if flips == 0 {
        page.styled(Style::Good, format!("None of {payments} would flip."));
    } else {
        page.styled(Style::Warn, format!("{flips} of {payments} would flip."));
        for sum in &replayed.by_verdict {
            page.line(format!("{} {}, would be {}", sum.flips, sum.then, sum.now));
        }
        page.blank();
        let mut table = Table::new([">ID", "ASKED", "PAYMENT", "THEN", "NOW", "WHY"]);
        for flipped in &replayed.flipped {
            let Flip { then, now } = &flipped.flip;
            // A denial names its rule by itself.
            let by = |said: &bursar_core::policy::Said| match (&said.rule, &said.why) {
                (_, Some(why)) => why.clone(),
                (Some(rule), None) => format!("rule \"{rule}\""),
                (None, None) => String::new(),
            };
            let why = if now.verdict == Answer::Allowed {
                format!("{}; then: {}", by(now), by(then))
            } else {
                by(now)
            };
            table.row([
                flipped.spend.to_string().into(),
                flipped.at.to_string().into(),
                flipped.payment.as_str().into(),
                answer(then.verdict),
                answer(now.verdict),
                why.into(),
            ]);
        }
        page.table(table);
        let listed = replayed.flipped.len() as u64;
        if listed < flips {
            page.blank();
            page.styled(Style::Dim, format!("These are the first {listed}."));
        }
    }
    if replayed.skipped > 0 {
        page.blank();
        page.styled(
            Style::Warn,
            format!(
                "{} could not be judged again: the account is none of this home, or the words make no payment.",
                count(replayed.skipped, "payment")
            ),
        );
    }
    page
}

fn answer(answer: Answer) -> Cell {
    let style = match answer {
        Answer::Allowed => Style::Good,
        Answer::Waiting => Style::Warn,
        Answer::Denied => Style::Bad,
    };
    Cell::new(answer.to_string(), style)
}
