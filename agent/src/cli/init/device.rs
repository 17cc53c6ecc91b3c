//! The device of a new home, opened: as it is said on the command line.

use std::path::{Path, PathBuf};

use super::Args;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::key::open::runtime;
use crate::cli::provision::ProvisionArgs;
use crate::config::token::{Connector, Module, TokenConfig, TokenPlace, YubiHsm};
use crate::setup::folder::Folder;
use crate::setup::{home, modules, simulated, yubihsm};
use crate::token::mark::Mark;
use crate::token::pin::{PinSource, once};
use crate::token::provision::TokenUri;
use crate::token::yubihsm::{Authorised, factory_key_opens};
use crate::token::{Token, open};

/// What an operator should know of a simulated device.
const SIMULATOR: &str = "This is a simulator: its keys are in a file or in memory, and safe from nobody.";

/// A PKCS#11 module and a token in it, or a YubiHSM.
#[derive(Debug, clap::Args)]
pub struct DeviceArgs {
    /// The PKCS#11 module
    #[arg(long, value_name = "PATH", requires = "token", group = "device")]
    module: Option<PathBuf>,
    /// The token's label, or an RFC 7512 URI
    #[arg(long, value_name = "LABEL", requires = "module")]
    token: Option<String>,
    /// A YubiHSM 2 instead, by the address of its connector, like http://127.0.0.1:12345
    #[arg(long, value_name = "URL", group = "device")]
    yubihsm: Option<Connector>,
    /// A simulated YubiHSM 2 in the home folder instead, which the agent runs: for trying and testing
    #[arg(long, group = "device")]
    simulated: bool,
    /// Take a connector on another machine: what goes to the device is encrypted, but can be delayed or dropped
    #[arg(long, requires = "yubihsm")]
    yubihsm_remote: bool,
    /// Make and use ECDSA keys on a YubiHSM below firmware 2.4.0, which gives them away to whoever holds it
    #[arg(long, requires = "yubihsm")]
    allow_vulnerable_ecdsa: bool,
    #[command(flatten)]
    provision: ProvisionArgs,
}

/// The token of a new home, logged in so that keys can be made.
pub struct Chosen {
    pub folder: Folder,
    /// As the configuration will say it.
    pub config: TokenConfig,
    pub token: Token,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

impl DeviceArgs {
    /// Was one named?
    pub fn is_named(&self) -> bool {
        self.module.is_some() || self.yubihsm.is_some() || self.simulated
    }

    /// Does everything that was said belong together?
    pub fn check(&self) -> Result<(), CliError> {
        if self.provision.is_given() && self.yubihsm.is_none() {
            let what = "--provision-key and --provision-file are of a YubiHSM; add --yubihsm URL";
            return Err(CliError::Usage(what.to_owned()));
        }
        Ok(())
    }

    /// What was asked for and is not so in a home that is there.
    pub fn differences(&self, home: &TokenConfig) -> Result<Vec<String>, CliError> {
        let mut found = Vec::new();
        if self.simulated != matches!(home.place, TokenPlace::Simulated(_)) && self.is_named() {
            found.push(format!("Its token is {}.", home.name()));
            return Ok(found);
        }
        match &home.place {
            TokenPlace::Simulated(_) => {}
            TokenPlace::Module(home) => {
                if let Some(asked) = &self.yubihsm {
                    found.push(format!("Its token is {}, and not the YubiHSM at {asked}.", home.uri));
                }
                let same =
                    |module: &PathBuf| std::path::absolute(module).is_ok_and(|module| module == home.module);
                if let Some(module) = self.module.as_ref().filter(|module| !same(module)) {
                    found.push(format!("It uses another module than {}.", module.display()));
                }
                if let Some(token) = &self.token {
                    let (asked, known) = (uri(token)?, uri(&home.uri)?);
                    if !known.agrees(&asked) {
                        found.push(format!("Its token is {}, not {token}.", home.uri));
                    }
                }
            }
            TokenPlace::YubiHsm(home) => {
                if let Some(module) = &self.module {
                    found.push(format!("It uses the {home}, and not the module {}.", module.display()));
                }
                if let Some(asked) = self.yubihsm.as_ref().filter(|asked| **asked != home.connector) {
                    found.push(format!("It uses the {home}, not the one at {asked}."));
                }
            }
        }
        Ok(found)
    }
}

/// Opens the device that was named, for a home with these roles.
pub fn choose(global: &Global, home: &Path, args: &Args, roles: &[Mark]) -> Result<Chosen, CliError> {
    args.device.check()?;
    let device = &args.device;
    match (&device.module, &device.token, &device.yubihsm) {
        (Some(module), Some(token), _) => in_module(global, home, args, module, token),
        (_, _, Some(connector)) => on_yubihsm(global, home, args, connector, roles),
        _ if device.simulated => in_home(global, home, roles),
        _ => {
            let what = "name the token: --module PATH --token LABEL, or --yubihsm URL, or --simulated";
            Err(CliError::Usage(what.to_owned()))
        }
    }
}

/// A token as it is written on the command line.
fn uri(token: &str) -> Result<TokenUri, CliError> {
    if token.starts_with("pkcs11:") { token.parse() } else { TokenUri::label(token) }
        .map_err(|error| CliError::Usage(error.to_string()))
}

fn folder(global: &Global, home: &Path) -> Result<Folder, CliError> {
    let folder = Folder::prepare(home)?;
    home::check_path(&folder)?;
    if folder.has(crate::cli::quickstart::CSV) {
        return Err(CliError::Home(format!(
            "a quickstart was interrupted in {}; go on with it: {}",
            folder.path().display(),
            global.command("quickstart")
        )));
    }
    Ok(folder)
}

fn in_module(
    global: &Global,
    home: &Path,
    args: &Args,
    module: &Path,
    token: &str,
) -> Result<Chosen, CliError> {
    let pin = args.pin.source()?;
    let module =
        std::path::absolute(module).map_err(|source| CliError::File { path: module.to_owned(), source })?;
    let uri = uri(token)?.to_string();
    let folder = folder(global, home)?;
    let secret = args.pin.read(&pin, folder.path())?;
    let environment = modules::environment(|name| std::env::var(name).ok());
    let at = Module { module, uri, workers: Some(1), environment };
    let place = TokenPlace::Module(at.clone());
    let token = once(folder.path(), args.pin.retry_pin, || Token::open(&place, secret, None))?;
    let place = TokenPlace::Module(Module { uri: token.uri(), workers: None, ..at });
    Ok(Chosen { folder, config: TokenConfig { place, pin }, token, warnings: Vec::new() })
}

fn in_home(global: &Global, home: &Path, roles: &[Mark]) -> Result<Chosen, CliError> {
    let folder = folder(global, home)?;
    let (config, token) = runtime()?.block_on(simulated::make(&folder, roles))?;
    Ok(Chosen { folder, config, token, warnings: vec![SIMULATOR.to_owned()] })
}

fn on_yubihsm(
    global: &Global,
    home: &Path,
    args: &Args,
    connector: &Connector,
    roles: &[Mark],
) -> Result<Chosen, CliError> {
    let device = &args.device;
    if !connector.is_local() && !device.yubihsm_remote {
        return Err(CliError::Usage(format!(
            "{connector} is not on this machine. What goes to the device is encrypted, but whoever sits in between can delay \
             it, drop it, and see how much there is; if that is meant, add --yubihsm-remote"
        )));
    }
    let folder = folder(global, home)?;
    let mut hsm = YubiHsm {
        connector: connector.clone(),
        auth_key: 0,
        serial: None,
        allow_vulnerable_ecdsa: device.allow_vulnerable_ecdsa,
        keep_log: true,
    };
    let token = device.provision.open(folder.path(), &hsm, args.pin.retry_pin)?;
    let password = yubihsm::password(&folder)?;
    let Authorised { auth_key, others } = runtime()?.block_on(token.authorise(roles, &password))?;
    let about = token.about();
    (hsm.auth_key, hsm.serial) = (auth_key, about.serial.parse().ok());
    let mut warnings = Vec::new();
    if others {
        hsm.keep_log = false;
        warnings.push(
            "Another home is on this device, and one home keeps the device's audit log; this one does not, as keep-log = false \
             in config.toml says."
                .to_owned(),
        );
    }
    if about.simulator {
        warnings.push(SIMULATOR.to_owned());
    }
    if factory_key_opens(connector) {
        warnings.push(factory_key());
    }
    let pin = PinSource::File(yubihsm::PASSWORD.into());
    let config = TokenConfig { place: TokenPlace::YubiHsm(hsm), pin };
    // What was made has to be enough for what the agent will do: asked before it is written down.
    open::for_command(folder.path(), &config, args.pin.retry_pin)?;
    Ok(Chosen { folder, config, token, warnings })
}

/// That the device is open to everybody, and what to do.
fn factory_key() -> String {
    "The factory's authentication key 1 with the password \"password\" still opens this device: whoever reaches the connector \
     can do everything with it. Replace it: make another key that may do the same (yubihsm-shell -a put-authentication-key -i 3 \
     -l provision -d all -c all --delegated all), then log in with that one and delete the factory's (yubihsm-shell \
     --authkey 3 -a delete-object -i 1 -t authentication-key). From then on give --provision-key 3."
        .to_owned()
}
