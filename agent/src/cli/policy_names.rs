//! What people call an address: the accounts of the home, and the recipients of its policy.

use std::collections::HashMap;

use bursar_core::key::PublicKey;
use bursar_core::policy::Policy;

use crate::config::Config;
use crate::keys_file::KeysFile;

/// Names by address; for display only.
#[derive(Debug)]
pub struct Names(HashMap<PublicKey, String>);

impl Names {
    /// As far as the home knows them: a file that cannot be read leaves addresses without a name.
    pub fn of(config: &Config) -> Self {
        let mut names = HashMap::new();
        let policy =
            std::fs::read_to_string(config.policy_path()).ok().and_then(|text| Policy::parse(&text).ok());
        if let Some(policy) = policy {
            names
                .extend(policy.recipients().map(|recipient| (recipient.address, recipient.name.to_string())));
        }
        if let Ok(keys) = KeysFile::load(&config.home) {
            names.extend(keys.accounts.into_iter().map(|(name, key)| (key, name.to_string())));
        }
        Self(names)
    }

    /// The name of an address.
    pub fn get(&self, key: &PublicKey) -> Option<String> {
        self.0.get(key).cloned()
    }
}
