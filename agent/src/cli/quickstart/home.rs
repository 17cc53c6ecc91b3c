//! The quick start's home folder: a token of its own, keys, policy, ledger.

use std::collections::BTreeMap;
use std::path::Path;

use super::story;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::key::open::runtime;
use crate::cli::reexec;
use crate::config::{TokenConfig, TokenPlace};
use crate::setup::config_text::NewConfig;
use crate::setup::folder::Folder;
use crate::setup::home::{self, NewHome};
use crate::setup::{SetupError, modules, simulated, softhsm};
use crate::tls::certificate;
use crate::token::Token;
use crate::token::mark::Mark;
use crate::token::pin::{Pin, PinSource};
use crate::token::provision::{create_token, uri_of};
use crate::{book, config, keys_file, ledger};

/// The payments, in the home folder. Written first, so it also tells a folder that a quick start
/// has made or was making from any other.
pub const CSV: &str = "quickstart.csv";
/// The token's label.
const LABEL: &str = "bursar quickstart";
/// The roles of its keys.
const ROLES: [Mark; 4] = [Mark::Account, Mark::Audit, Mark::Node, Mark::Administrator];
/// The agent's lock: where it is, an agent has run.
const LOCK: &str = "lock";

/// Makes the home, unless it is there; answers whether it was made, and its lock. Begins an interrupted attempt
/// anew: without a configuration no agent ever ran, so nothing of it is worth keeping.
///
/// Its policy is `policy`, or the quick start's own. With SoftHSM it may replace this process by one with SoftHSM's variable set.
pub fn ensure(
    global: &Global,
    module: Option<&Path>,
    policy: Option<&str>,
) -> Result<(bool, Folder), CliError> {
    let folder = Folder::prepare(global.home()?)?;
    home::check_path(&folder)?;
    match (folder.has(CSV), folder.is_home()) {
        (true, true) => return Ok((false, folder)),
        (false, true) => return Err(foreign_home(&folder)),
        (true, false) if folder.has(LOCK) => return Err(lost(&folder)),
        (true, false) => clear(&folder)?,
        (false, false) => {
            folder.delete_drafts()?;
            if let Some(found) = folder.first_entry()? {
                return Err(SetupError::Foreign { path: folder.path().to_owned(), found }.into());
            }
            folder.write_new(CSV, story::PAYMENTS.as_bytes())?;
        }
    }
    let (config, token) = match module {
        Some(module) => in_module(global, &folder, module)?,
        None => {
            super::say(global, "Making a simulated YubiHSM with six keys …");
            runtime()?.block_on(simulated::make(&folder, &ROLES))?
        }
    };
    let asset = story::asset()?;
    let accounts = story::accounts(&asset)?;
    let new = NewHome {
        config: NewConfig {
            id: home::id()?,
            token: config,
            audit: "audit".to_owned(),
            node: "node".to_owned(),
            administrator: Some("administrator".to_owned()),
            accounts: accounts.keys,
            uid: rustix::process::getuid().as_raw(),
        },
        algorithms: accounts.algorithms,
        policy: policy.unwrap_or(story::POLICY).to_owned(),
        ledger: story::name("quickstart")?,
        assets: vec![asset.into()],
        balances: accounts.balances,
    };
    runtime()?.block_on(home::make(&folder, &token, new))?;
    Ok((true, folder))
}

/// A token behind a module: the first one that is blank.
fn in_module(global: &Global, folder: &Folder, module: &Path) -> Result<(TokenConfig, Token), CliError> {
    let named = module.file_name().is_some_and(|name| name.to_string_lossy().contains("softhsm"));
    let environment =
        if named { in_folder(folder)? } else { modules::environment(|name| std::env::var(name).ok()) };
    reexec::with_environment(&environment)?;
    super::say(global, "Making a token with six keys …");
    let pin = softhsm::draw_pin(folder)?;
    let user = || Pin::new(pin.as_str().to_owned());
    let security_officer = Pin::new(softhsm::forgotten_pin()?.as_str().to_owned());
    let info = create_token(module, LABEL, &security_officer, &user())?;
    crate::crash::point("setup");
    let place = TokenPlace::Module(config::token::Module {
        module: module.to_owned(),
        uri: uri_of(&info).to_string(),
        workers: None,
        environment,
    });
    let config = TokenConfig { place, pin: PinSource::File(softhsm::PIN.into()) };
    let token = Token::open(&config.clone().with_one_worker().place, user(), None)?;
    Ok((config, token))
}

/// SoftHSM is to keep its tokens in the home folder.
fn in_folder(folder: &Folder) -> Result<BTreeMap<String, String>, SetupError> {
    softhsm::check_path(folder)?;
    Ok([(softhsm::VARIABLE.to_owned(), softhsm::configure(folder)?)].into())
}

/// Deletes what an interrupted attempt has left.
fn clear(folder: &Folder) -> Result<(), SetupError> {
    let files = [
        certificate::FILE,
        certificate::KEY,
        softhsm::TOKENS,
        softhsm::CONF,
        softhsm::PIN,
        simulated::STATE,
        simulated::LOCK,
        simulated::ADDRESS,
        simulated::PROVISION,
        home::GENESIS,
        config::POLICY,
        ledger::embedded::FILE,
        book::FILE,
        keys_file::FILE,
    ];
    folder.delete_drafts()?;
    files.into_iter().try_for_each(|file| folder.delete(file))
}

fn foreign_home(folder: &Folder) -> CliError {
    CliError::Home(format!(
        "{} is a home folder that no quick start has made, and its payments are made in a home of its own; name another \
         folder with --home",
        folder.path().display()
    ))
}

fn lost(folder: &Folder) -> CliError {
    CliError::Home(format!(
        "config.toml is missing in {}, where an agent has run already; restore the file, or name another folder with --home",
        folder.path().display()
    ))
}
