//! What does not fit together is refused at the start.

use std::collections::BTreeMap;

use bursar_core::amount::Asset;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::Policy;

use super::{Agent, AgentError};
use crate::anchor;
use crate::book::in_force;
use crate::config::{Config, LedgerConfig};
use crate::ledger::embedded::Embedded;
use crate::ledger::embedded::genesis::Genesis;
use crate::token::keyring::{self, Keyring};

/// The roles of keys in the token that a person of the policy may have.
const PEOPLE: [&str; 2] = [keyring::APPROVER, keyring::ADMINISTRATOR];

impl Agent {
    /// Refuses a book that is behind the token or the ledger, and a ledger that is behind the book.
    pub(super) async fn check_history(&self) -> Result<(), AgentError> {
        anchor::check(&self.token, &self.config.id, &self.book).await?;
        let Some(embedded) = &self.embedded else { return Ok(()) };
        let known = self.book.last_position().await?;
        let size = embedded.checkpoint_to_sign().await?.size;
        if let Some(position) = known.filter(|position| *position >= size) {
            return Err(AgentError::LedgerBehind { size, position });
        }
        let accounts: BTreeMap<PublicKey, &Name> =
            self.keys.accounts().map(|(name, key)| (*key.public(), name)).collect();
        for sent in embedded.sent_since(known.map_or(0, |position| position + 1))? {
            let Some(account) = accounts.get(&sent.from) else { continue };
            if !self.book.is_open(sent.digest).await? {
                return Err(AgentError::Stranger { account: (*account).clone(), position: sent.position });
            }
        }
        Ok(())
    }

    /// Goes on with an older state because an operator says so; from now on it is the state.
    pub(super) async fn accept_history(&self, why: &AgentError) -> Result<(), AgentError> {
        tracing::warn!(%why, "an older state is accepted");
        let size = match &self.embedded {
            Some(embedded) => Some(embedded.checkpoint_to_sign().await?.size),
            None => None,
        };
        Ok(self.book.accept_rollback(size).await?)
    }

    /// Refuses a bundle whose names and keys do not fit this home's.
    pub fn check_policy(&self, policy: &Policy) -> Result<(), AgentError> {
        let genesis = self.embedded.as_ref().map(|embedded| embedded.genesis().as_ref());
        fits(policy, &self.config, &self.keys, genesis)
    }

    /// Refuses names and keys that do not fit each other.
    pub(super) async fn check_fit(&self) -> Result<(), AgentError> {
        self.check_policy(&self.book.policy())?;
        if let (Some(embedded), Some(node)) = (&self.embedded, self.keys.node())
            && embedded.genesis().node() != node.public()
        {
            return Err(AgentError::Node { label: node.label().to_owned() });
        }
        if let Some((spend, ledger)) = self.book.open_elsewhere(self.ledger.id()).await? {
            return Err(AgentError::OtherLedger { spend, ledger });
        }
        Ok(())
    }
}

/// Refuses a file's bundle that does not fit, if the book would take it over: once in force it is
/// for those to change whom it names.
pub(super) fn check_wished(policy: &Policy, config: &Config, keys: &Keyring) -> Result<(), AgentError> {
    if !in_force::is_open(in_force::of_home(&config.home)?.as_ref()) {
        return Ok(());
    }
    let genesis = match &config.ledger {
        LedgerConfig::Embedded { genesis } => Some(Embedded::read(genesis)?),
        LedgerConfig::None { .. } => None,
    };
    fits(policy, config, keys, genesis.as_ref())
}

fn fits(
    policy: &Policy,
    config: &Config,
    keys: &Keyring,
    genesis: Option<&Genesis>,
) -> Result<(), AgentError> {
    let callers = config.callers.iter().map(|caller| &caller.name);
    let names = keys.accounts().map(|(name, _)| name).chain(callers);
    if let Some(name) = names.into_iter().find(|name| policy.group_named(name.as_str())) {
        return Err(AgentError::Group(name.clone()));
    }
    let people = policy.roster().people().chain(policy.administrator_roster().people());
    for (person, key) in people.flat_map(|one| one.keys.iter().map(move |key| (&one.name, key))) {
        if let Some(role) = keys.role(key).filter(|role| !PEOPLE.contains(&role.as_str())) {
            return Err(AgentError::SharedKey { role, person: person.clone() });
        }
    }
    let Some(genesis) = genesis else { return Ok(()) };
    if let Some((_, asset)) = genesis.balances().keys().find(|(_, asset)| policy.is_bound(asset)) {
        return Err(AgentError::Unissued(asset.clone()));
    }
    for asset in genesis.assets().values().map(|asset| &asset.asset) {
        let written = policy.asset(asset.name().as_str()).map(Asset::decimals);
        if let Some(policy) = written.filter(|written| *written != asset.decimals()) {
            let (asset, ledger) = (asset.name().clone(), asset.decimals());
            return Err(AgentError::Decimals { asset, ledger, policy });
        }
    }
    Ok(())
}
