//! `bursar key generate`

use bursar_core::name::Name;

use super::open::{KeyView, Opened, open, role, runtime};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page};
use crate::cli::provision::ProvisionArgs;
use crate::config::{self, Config, TokenPlace};
use crate::keys_file::KeysFile;
use crate::setup::account::AccountKey;
use crate::setup::{config_text, simulated};
use crate::token::mark::Mark;
use crate::token::provision::Algorithm;

/// Make a key that never leaves the token
///
/// With --account the key becomes a new account of this home. With --role it is checked to fit, and
/// the line to write into config.toml is printed: replacing a key that logs were signed with is left
/// to a person.
///
/// On a YubiHSM the home's own authentication key makes no keys; --provision-key names one that does.
///
/// Example: bursar key generate travel --algorithm secp256k1 --account travel
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The key's label, which no other key in the token has
    name: String,
    /// ed25519, secp256k1 or p256
    #[arg(long)]
    algorithm: Algorithm,
    /// Make it the key of a new account
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "role")]
    account: Option<Name>,
    /// Make a key for this role
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// Have the token ask for the PIN at each use of this key, and not only once a session
    #[arg(long)]
    pin_each_use: bool,
    #[command(flatten)]
    provision: ProvisionArgs,
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    /// Signs the audit log's checkpoints
    Audit,
    /// Signs the embedded ledger's checkpoints
    Node,
    /// Approves payments
    Approver,
    /// Signs versions of the policy
    Administrator,
}

impl Role {
    /// The field under [keys].
    fn field(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Node => "node",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
        }
    }

    /// As other homes with this token know it.
    fn mark(self) -> Mark {
        match self {
            Self::Audit => Mark::Audit,
            Self::Node => Mark::Node,
            Self::Approver => Mark::Approver,
            Self::Administrator => Mark::Administrator,
        }
    }

    /// Can such a key have this role?
    fn check(self, algorithm: Algorithm) -> Result<(), CliError> {
        let what = match (self, algorithm) {
            (_, Algorithm::Ed25519) | (Self::Approver | Self::Administrator, Algorithm::P256) => {
                return Ok(());
            }
            (Self::Audit | Self::Node, _) => "checkpoints are signed with ed25519; use --algorithm ed25519",
            (Self::Approver | Self::Administrator, _) => {
                "people sign with ed25519 or p256; use one of these as --algorithm"
            }
        };
        Err(CliError::Usage(what.to_owned()))
    }
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let label = args
        .account
        .as_ref()
        .map_or_else(|| format!("key={}", args.name), |account| format!("{account}={}", args.name));
    let asked: AccountKey = label.parse().map_err(CliError::Usage)?;
    // Everything that can be wrong is looked at before there is a key that nobody wants.
    if let Some(role) = args.role {
        role.check(args.algorithm)?;
    }
    let config = global.config()?;
    if let Some(role) = role(&config, &asked.label) {
        return Err(CliError::Usage(format!(
            "the label {:?} is that of {role} in config.toml; choose another name",
            asked.label
        )));
    }
    let text = match &args.account {
        Some(_) => Some(with_account(&config, &asked)?),
        None => None,
    };
    let mark = args.account.as_ref().map(|_| Mark::Account).or(args.role.map(Role::mark));
    let Opened { config, token, runtime } = open_to_make(global, &args, mark)?;
    let key = runtime.block_on(async {
        if args.pin_each_use {
            token.generate_guarded(&asked.label, mark, args.algorithm).await
        } else {
            token.generate_signing(&asked.label, mark, args.algorithm).await
        }
    })?;
    let mut page = Page::new();
    page.line(format!("The token made the {} key {:?}.", key.public().algorithm(), asked.label));
    page.pairs([("address", key.public().address().into())]);
    if let (Some(text), Some(account)) = (text, &args.account) {
        let path = config.home.join(config::FILE);
        crate::durable::replace(&path, text.as_bytes()).map_err(|source| CliError::File { path, source })?;
        if let Ok(mut keys) = KeysFile::load(&config.home) {
            keys.accounts.insert(account.clone(), *key.public());
            keys.save(&config.home)?;
        }
        page.line(format!(
            "config.toml has the account {account} now; a running agent knows it after its next start."
        ));
        page.line("On the ledger it has nothing until somebody pays to its address.");
    } else if let Some(role) = args.role {
        let label = config_text::quoted(&asked.label);
        page.line(format!("To use it, write {} = {label} under [keys] in config.toml.", role.field()));
        match role {
            Role::Audit | Role::Node => page.line("Logs keep the checkpoints that the old key signed."),
            Role::Approver => {
                page.line("In the policy it stands under [approvers.NAME], NAME being whose it is:");
                page.line(format!("  key = \"{}\"", key.public()));
            }
            Role::Administrator => {
                page.line("In the policy it stands under [administrators], NAME being whose it is:");
                page.line(format!("  keys = {{ NAME = \"{}\" }}", key.public()));
            }
        }
    }
    let role = args.account.map(|account| format!("account {account}"));
    Ok(Output::new(&KeyView::new(*key.public(), Some(asked.label), role), page))
}

/// The home's token, opened so that keys can be made: a YubiHSM with the authentication key for that.
fn open_to_make(global: &Global, args: &Args, mark: Option<Mark>) -> Result<Opened, CliError> {
    let config = global.config()?;
    if args.provision.is_given() && !matches!(config.token.place, TokenPlace::YubiHsm(_)) {
        let what = "--provision-key and --provision-file are of a YubiHSM, and this home's token is none";
        return Err(CliError::Usage(what.to_owned()));
    }
    let (token, auth_key) = match &config.token.place {
        TokenPlace::Module(_) => return open(global, args.retry_pin),
        TokenPlace::YubiHsm(hsm) => (args.provision.open(&config.home, hsm, args.retry_pin)?, hsm.auth_key),
        TokenPlace::Simulated(at) => (simulated::open_to_make(at)?, at.auth_key),
    };
    let runtime = runtime()?;
    if let Some(mark) = mark {
        runtime.block_on(token.check_reach(auth_key, mark))?;
    }
    Ok(Opened { config, token, runtime })
}

/// The configuration with one more account; an account that is there is not touched.
fn with_account(config: &Config, key: &AccountKey) -> Result<String, CliError> {
    let account = &key.account;
    if config.labels.accounts.contains_key(account) {
        return Err(CliError::Usage(format!(
            "the account {account} has a key; changing it would leave its money behind: make another account and pay to it"
        )));
    }
    let path = config.home.join(config::FILE);
    let text = std::fs::read_to_string(&path).map_err(|source| CliError::File { path, source })?;
    Ok(config_text::with_account(&config.home, &text, key)?)
}
