//! `bursar approve` and `bursar refuse`: signed decisions on what waits.

use bursar_core::approval::{Batch, BreakGlass, Lift, Payload, PolicyChange, Signed, Statement, Verdict};
use bursar_core::decode::memo::Memo;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::client::{Ask, ClientError};
use super::error::CliError;
use super::exit::Exit;
use super::global::Global;
use super::key::open::runtime;
use super::output::{Output, Page, Style, note};
use super::people::{self, Desk};
use super::reexec;
use crate::agent::open_token;
use crate::book::inbox::{Frozen, Payment, Proposal};
use crate::book::record::Way;
use crate::clock;
use crate::config::Config;
use crate::token::keyring::{administrator_key, approver_key};
use crate::token::{self, Token};

/// For how long a decision counts, in milliseconds: 24 hours.
const LIFE: i64 = 24 * 60 * 60 * 1000;

/// Approve what waits, with the key in your own token
///
/// Shows what is decided, read from the bytes that are signed for, and asks. Payments of one call
/// are approved by one signature.
///
/// Example: bursar approve 17 18
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Approve {
    /// Payments by their ids, bundles as policy-N, frozen accounts as lift-ACCOUNT
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Refuse what waits, with the key in your own token
///
/// A refusal is signed and final: when too few are left who could approve, the payment is denied.
///
/// Example: bursar refuse 17 --why "the invoice is for another customer"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Refuse {
    /// Payments by their ids, bundles as policy-N, frozen accounts as lift-ACCOUNT
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// The reason, which is signed with it
    #[arg(long, value_name = "TEXT")]
    why: Memo,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What became of one decision.
#[derive(Serialize)]
struct Told {
    id: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    counted: bool,
}

/// Approves.
pub fn approve(global: &Global, args: Approve) -> Result<Output, CliError> {
    decide(global, &args.ids, Verdict::Approve, Memo::default(), args.yes)
}

/// Refuses.
pub fn refuse(global: &Global, args: Refuse) -> Result<Output, CliError> {
    decide(global, &args.ids, Verdict::Refuse, args.why, args.yes)
}

fn decide(
    global: &Global,
    ids: &[String],
    verdict: Verdict,
    why: Memo,
    yes: bool,
) -> Result<Output, CliError> {
    let mut config = global.config()?;
    reexec::with_environment(&config.token.environment)?;
    config.token.workers = Some(1);
    let desk = Desk::open(global)?;
    let chosen = Chosen::find(&desk, ids)?;
    let mut shown = Page::new();
    let read = chosen.payments.iter().map(|one| desk.read(one)).collect::<Result<Vec<_>, _>>()?;
    if !read.is_empty() {
        people::payments(&mut shown, &read);
        shown.line(format!("{} payments, {} in all.", read.len(), desk.sums(&chosen.payments).join(" and ")));
    }
    chosen.proposals.iter().for_each(|one| people::proposal(&mut shown, one));
    chosen.frozen.iter().for_each(|one| people::frozen(&mut shown, one));
    note(&shown);
    let verb = if verdict == Verdict::Approve { "Approve" } else { "Refuse" };
    people::confirm(&format!("{verb} this?"), yes)?;
    let token = open_token(&config, false)?;
    let signer = Signer { config: &config, desk: &desk, token: &token, verdict, why };
    let told = runtime()?
        .block_on(signer.bodies(&chosen))?
        .into_iter()
        .map(|body| tell(&desk, body))
        .collect::<Result<Vec<_>, _>>()?;
    let mut page = Page::new();
    for one in &told {
        let style = if one.counted { Style::Good } else { Style::Bad };
        let why = one.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        page.styled(style, format!("{}: {}{why}", one.id, one.state));
    }
    let all = told.iter().all(|one| one.counted);
    Ok(Output::new(&told, page).with_exit(if all { Exit::Done } else { Exit::Rows }))
}

/// What the ids stand for.
struct Chosen<'d> {
    payments: Vec<&'d Payment>,
    proposals: Vec<&'d Proposal>,
    frozen: Vec<&'d Frozen>,
}

impl<'d> Chosen<'d> {
    fn find(desk: &'d Desk, ids: &[String]) -> Result<Self, CliError> {
        let mut chosen = Self { payments: Vec::new(), proposals: Vec::new(), frozen: Vec::new() };
        for id in ids {
            let inbox = &desk.inbox;
            let known = if let Some(account) = id.strip_prefix("lift-") {
                let one = inbox.frozen.iter().find(|one| one.account.as_str() == account);
                one.map(|one| chosen.frozen.push(one))
            } else if let Some(number) = id.strip_prefix("policy-") {
                let one = inbox.proposals.iter().find(|one| one.proposal.to_string() == number);
                one.map(|one| chosen.proposals.push(one))
            } else {
                let one = inbox.payments.iter().find(|one| one.item.request.to_string() == *id);
                one.map(|one| chosen.payments.push(one))
            };
            if known.is_none() {
                return Err(CliError::Usage(format!(
                    "nothing of the id {id:?} waits; `bursar inbox` lists what does"
                )));
            }
        }
        Ok(chosen)
    }
}

/// A signed decision, and where it goes.
struct Body {
    id: String,
    route: &'static str,
    json: String,
}

struct Signer<'a> {
    config: &'a Config,
    desk: &'a Desk,
    token: &'a Token,
    verdict: Verdict,
    why: Memo,
}

impl Signer<'_> {
    /// One signature for all payments, and one for each other thing.
    async fn bodies(&self, chosen: &Chosen<'_>) -> Result<Vec<Body>, CliError> {
        let mut bodies = Vec::new();
        let now = clock::wall();
        let expires = now.plus_millis(LIFE);
        if !chosen.payments.is_empty() {
            let batch = Batch::new(chosen.payments.iter().map(|one| one.item.clone()).collect())
                .map_err(|error| CliError::Usage(error.to_string()))?;
            let key = approver_key(self.token, approver_label(self.config)?).await?;
            let person = person(self.desk, key.public())?;
            let ballot = batch.ballot(person, self.verdict, self.why.clone(), now, expires).map_err(wrong)?;
            people::touch();
            let signed = token::state(self.token, &key, ballot).await?;
            for vote in batch.votes(&signed).map_err(wrong)? {
                let id = vote.item().request.to_string();
                bodies.push(Body { id, route: "/v1/votes", json: vote.to_json() });
            }
        }
        for one in &chosen.proposals {
            bodies.push(self.bundle(one, now, expires).await?);
        }
        for one in &chosen.frozen {
            let key = approver_key(self.token, approver_label(self.config)?).await?;
            let lift = Lift {
                home: self.desk.inbox.home,
                account: one.account.clone(),
                freeze: one.freeze,
                approver: person(self.desk, key.public())?,
                signed: now,
                expires,
                verdict: self.verdict,
                why: self.why.clone(),
            };
            let json = self.sign(&key, lift).await?.to_json();
            bodies.push(Body { id: format!("lift-{}", one.account), route: "/v1/lifts", json });
        }
        Ok(bodies)
    }

    async fn bundle(&self, one: &Proposal, now: Timestamp, expires: Timestamp) -> Result<Body, CliError> {
        let id = format!("policy-{}", one.proposal);
        let (version, sha256, previous, home) = (one.version, one.policy, one.previous, self.desk.inbox.home);
        let (verdict, why) = (self.verdict, self.why.clone());
        let json = match one.way {
            Way::Change => {
                let label = self.config.labels.administrator.as_deref();
                let key =
                    administrator_key(self.token, label.ok_or_else(|| no_key("administrator"))?).await?;
                let owner = self.desk.bundle.administrator_roster().owner(key.public());
                let administrator =
                    owner.map(|one| one.name.clone()).ok_or_else(|| stranger(key.public()))?;
                let change = PolicyChange {
                    version,
                    sha256,
                    previous,
                    home,
                    administrator,
                    verdict,
                    signed: now,
                    expires,
                    why,
                };
                self.sign(&key, change).await?.to_json()
            }
            Way::BreakGlass => {
                let key = approver_key(self.token, approver_label(self.config)?).await?;
                let approver = person(self.desk, key.public())?;
                let glass = BreakGlass {
                    version,
                    sha256,
                    previous,
                    home,
                    approver,
                    verdict,
                    signed: now,
                    expires,
                    why,
                };
                self.sign(&key, glass).await?.to_json()
            }
        };
        Ok(Body { id, route: "/v1/agreements", json })
    }

    async fn sign<R, T>(&self, key: &token::role::RoleKey<R>, statement: T) -> Result<Signed<T>, CliError>
    where
        T: Statement,
        Payload<T>: token::role::Statement<Role = R, Proof = Signed<T>>,
    {
        people::touch();
        Ok(token::state(self.token, key, Payload::encode(statement).map_err(wrong)?).await?)
    }
}

fn approver_label(config: &Config) -> Result<&str, CliError> {
    config.labels.approver.as_deref().ok_or_else(|| no_key("approver"))
}

fn no_key(role: &str) -> CliError {
    CliError::Home(format!(
        "this home has no {role}'s key: make one with `bursar key generate {role} --algorithm p256`, then set {role} = \"{role}\" under [keys] in config.toml, and have its public key put into the policy"
    ))
}

fn person(desk: &Desk, key: &PublicKey) -> Result<Name, CliError> {
    let owner = desk.bundle.roster().owner(key);
    owner.map(|one| one.name.clone()).ok_or_else(|| stranger(key))
}

fn stranger(key: &PublicKey) -> CliError {
    CliError::Home(format!(
        "the policy does not name the key {key}; have it put there, then fetch the policy again"
    ))
}

fn wrong(error: bursar_core::approval::ApprovalError) -> CliError {
    CliError::Usage(error.to_string())
}

/// Hands a decision in; one that does not count is an answer, too.
fn tell(desk: &Desk, body: Body) -> Result<Told, CliError> {
    let Body { id, route, json } = body;
    let json = RawValue::from_string(json).map_err(|error| CliError::Damaged(error.to_string()))?;
    match desk.client.ask::<serde_json::Value>(&Ask::post(route, &json)) {
        Ok(answer) => {
            let text = |name: &str| answer.get(name).and_then(|value| value.as_str()).map(str::to_owned);
            Ok(Told { id, state: text("state").unwrap_or_default(), why: text("reason"), counted: true })
        }
        Err(ClientError::Problem(problem)) if matches!(problem.status, 400..=499) => {
            // A refusal that completes makes the payment denied: it counted.
            let counted = problem.kind() == "denied";
            let state = if counted { "denied" } else { "not counted" };
            Ok(Told { id, state: state.to_owned(), why: Some(problem.to_string()), counted })
        }
        Err(error) => Err(error.into()),
    }
}
