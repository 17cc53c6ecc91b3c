//! What does not fit together is refused at the start.

use std::collections::BTreeMap;

use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::Policy;

use super::{Agent, AgentError};
use crate::anchor;
use crate::token::keyring;

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
        let callers = self.config.callers.iter().map(|caller| &caller.name);
        let names = self.keys.accounts().map(|(name, _)| name).chain(callers);
        if let Some(name) = names.into_iter().find(|name| policy.group_named(name.as_str())) {
            return Err(AgentError::Group(name.clone()));
        }
        let people = policy.roster().people().chain(policy.administrator_roster().people());
        for (person, key) in people.flat_map(|one| one.keys.iter().map(move |key| (&one.name, key))) {
            if let Some(role) = self.keys.role(key).filter(|role| !PEOPLE.contains(&role.as_str())) {
                return Err(AgentError::SharedKey { role, person: person.clone() });
            }
        }
        if let Some(embedded) = &self.embedded
            && let Some((_, asset)) =
                embedded.genesis().balances().keys().find(|(_, asset)| policy.is_bound(asset))
        {
            return Err(AgentError::Unissued(asset.clone()));
        }
        for asset in self.embedded.iter().flat_map(|embedded| embedded.genesis().assets().values()) {
            let (asset, written) = (&asset.asset, policy.asset(asset.asset.name().as_str()));
            if let Some(written) = written.filter(|written| written.decimals() != asset.decimals()) {
                let (asset, ledger, policy) = (asset.name().clone(), asset.decimals(), written.decimals());
                return Err(AgentError::Decimals { asset, ledger, policy });
            }
        }
        Ok(())
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
