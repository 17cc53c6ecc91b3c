//! A person's keys in the home's own token.

use bursar_core::approval::{Ballot, BreakGlass, Freeze, Lift, Payload, PolicyChange, Signed};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::Policy;

use super::Desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::key::open::runtime;
use crate::cli::output::{self, Page, Style};
use crate::config::Home;
use crate::token::keyring::{Keyring, administrator_key, approver_key};
use crate::token::role::{Administrator, Approver, RoleKey, Statement};
use crate::token::{Token, open, state};

/// Which of the keys are needed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// The approver's.
    pub approver: bool,
    /// The administrator's.
    pub administrator: bool,
}

/// A key, and whose it is in the policy.
struct Own<R> {
    name: Name,
    key: RoleKey<R>,
}

/// The token, logged in, with the keys that are needed.
pub struct Signer {
    runtime: tokio::runtime::Runtime,
    token: Token,
    approver: Option<Own<Approver>>,
    administrator: Option<Own<Administrator>>,
}

impl Signer {
    /// Asks for the PIN as the home says, and logs in once.
    pub fn open(desk: &Desk, needs: Needs, retry_pin: bool) -> Result<Self, CliError> {
        let (home, policy) = (&desk.home, desk.policy.as_deref());
        // Said before a PIN is asked for.
        let labels = labels(home, needs)?;
        let token = open::for_command(home.path(), home.token(), retry_pin)?;
        let runtime = runtime()?;
        if let Home::Agent(config) = home {
            // Refuses a key that has another role as well.
            runtime.block_on(Keyring::open(&token, &config.labels))?;
        }
        let approver = match &labels.0 {
            Some(label) => {
                let key = runtime.block_on(approver_key(&token, label))?;
                let owner = policy.and_then(|policy| policy.roster().owner(key.public()));
                let name = name(home, owner.map(|owner| &owner.name), key.public(), Role::Approver)?;
                Some(Own { name, key })
            }
            None => None,
        };
        let administrator = match &labels.1 {
            Some(label) => {
                let key = runtime.block_on(administrator_key(&token, label))?;
                let owner = policy.and_then(|policy| policy.administrator_roster().owner(key.public()));
                let name = name(home, owner.map(|owner| &owner.name), key.public(), Role::Administrator)?;
                Some(Own { name, key })
            }
            None => None,
        };
        Ok(Self { runtime, token, approver, administrator })
    }

    /// Does the policy know each key by the name that stands on what it signs? Said before anybody
    /// touches a token for nothing.
    pub fn check(&self, policy: &Policy) -> Result<(), CliError> {
        if let Some(own) = &self.approver {
            let owner = policy.roster().owner(own.key.public());
            known(
                owner.map(|owner| (&owner.name, owner.revoked)),
                &own.name,
                own.key.public(),
                Role::Approver,
            )?;
        }
        if let Some(own) = &self.administrator {
            let owner = policy.administrator_roster().owner(own.key.public());
            let owner = owner.map(|owner| (&owner.name, owner.revoked));
            known(owner, &own.name, own.key.public(), Role::Administrator)?;
        }
        Ok(())
    }

    /// As whom payments are decided on.
    pub fn approver(&self) -> Result<&Name, CliError> {
        Ok(&self.as_approver()?.name)
    }

    /// As whom bundles are decided on.
    pub fn administrator(&self) -> Result<&Name, CliError> {
        Ok(&self.as_administrator()?.name)
    }

    fn as_approver(&self) -> Result<&Own<Approver>, CliError> {
        self.approver.as_ref().ok_or_else(|| no_key(Role::Approver))
    }

    fn as_administrator(&self) -> Result<&Own<Administrator>, CliError> {
        self.administrator.as_ref().ok_or_else(|| no_key(Role::Administrator))
    }

    /// Signs one ballot, for any number of payments.
    pub fn ballot(&self, ballot: Payload<Ballot>) -> Result<Signed<Ballot>, CliError> {
        let payments = output::count(ballot.statement().count, "payment");
        self.sign(&self.as_approver()?.key, ballot, &payments)
    }

    /// Signs a decision whether an account goes on.
    pub fn lift(&self, lift: Payload<Lift>) -> Result<Signed<Lift>, CliError> {
        let what = format!("the account {}", lift.statement().account);
        self.sign(&self.as_approver()?.key, lift, &what)
    }

    /// Signs that an account stops.
    pub fn freeze(&self, freeze: Payload<Freeze>) -> Result<Signed<Freeze>, CliError> {
        let what = format!("the account {}", freeze.statement().account);
        self.sign(&self.as_approver()?.key, freeze, &what)
    }

    /// Signs a decision on a bundle for an emergency.
    pub fn break_glass(&self, payload: Payload<BreakGlass>) -> Result<Signed<BreakGlass>, CliError> {
        let what = format!("policy version {}", payload.statement().version);
        self.sign(&self.as_approver()?.key, payload, &what)
    }

    /// Signs a decision on a bundle.
    pub fn change(&self, payload: Payload<PolicyChange>) -> Result<Signed<PolicyChange>, CliError> {
        let what = format!("policy version {}", payload.statement().version);
        self.sign(&self.as_administrator()?.key, payload, &what)
    }

    fn sign<S: Statement>(
        &self,
        key: &RoleKey<S::Role>,
        statement: S,
        what: &str,
    ) -> Result<S::Proof, CliError> {
        let mut page = Page::new();
        page.styled(
            Style::Bold,
            format!("Touch your token now, if it waits for that: one signature for {what}."),
        );
        output::note(&page);
        Ok(self.runtime.block_on(state(&self.token, key, statement))?)
    }
}

#[derive(Clone, Copy)]
enum Role {
    Approver,
    Administrator,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Approver => "approver",
            Self::Administrator => "administrator",
        }
    }
}

/// The labels of the keys that are needed.
fn labels(home: &Home, needs: Needs) -> Result<(Option<String>, Option<String>), CliError> {
    let (approver, administrator) = match home {
        Home::Agent(config) => (config.labels.approver.clone(), config.labels.administrator.clone()),
        Home::Person(person) => (
            person.approver.as_ref().map(|office| office.key.clone()),
            person.administrator.as_ref().map(|office| office.key.clone()),
        ),
    };
    let approver = if needs.approver { Some(approver.ok_or_else(|| no_key(Role::Approver))?) } else { None };
    let administrator = if needs.administrator {
        Some(administrator.ok_or_else(|| no_key(Role::Administrator))?)
    } else {
        None
    };
    Ok((approver, administrator))
}

fn no_key(role: Role) -> CliError {
    let role = role.word();
    CliError::Ended {
        exit: Exit::Key,
        message: format!(
            "this home has no key of an {role}; decide in a home that has one (`bursar init --{role} NAME`), or make one \
             with `bursar key generate NAME --algorithm p256 --role {role}`"
        ),
    }
}

/// A person's home says whose key it is; in an agent's home the policy does.
fn name(home: &Home, owner: Option<&Name>, key: &PublicKey, role: Role) -> Result<Name, CliError> {
    let office = match (home, role) {
        (Home::Person(person), Role::Approver) => person.approver.as_ref(),
        (Home::Person(person), Role::Administrator) => person.administrator.as_ref(),
        (Home::Agent(_), _) => None,
    };
    match (office, owner) {
        (Some(office), _) => Ok(office.name.clone()),
        (None, Some(owner)) => Ok(owner.clone()),
        (None, None) => Err(unknown(key, role)),
    }
}

fn known(owner: Option<(&Name, bool)>, name: &Name, key: &PublicKey, role: Role) -> Result<(), CliError> {
    match owner {
        None => Err(unknown(key, role)),
        Some((owner, _)) if owner != name => Err(CliError::Home(format!(
            "nothing was signed: this home is that of {name}, and the policy says that its key is {owner}'s; write that name \
             under [{}] in config.toml",
            role.word()
        ))),
        Some((_, true)) => Err(CliError::Home(format!(
            "nothing was signed: {name} is revoked in the policy, and what {name} signs does not count"
        ))),
        Some(_) => Ok(()),
    }
}

fn unknown(key: &PublicKey, role: Role) -> CliError {
    let section = match role {
        Role::Approver => format!("[approvers.NAME] with key = \"{key}\""),
        Role::Administrator => format!("[administrators] with keys = {{ NAME = \"{key}\" }}"),
    };
    CliError::Home(format!(
        "nothing was signed: the policy does not name this home's key of an {}, so it would not count; a version of the policy \
         with {section} has to be put in force first",
        role.word()
    ))
}
