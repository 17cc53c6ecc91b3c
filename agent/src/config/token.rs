//! The section `[token]`: which token, and where its PIN comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::token::pin::PinSource;

/// How to reach the token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Text")]
pub struct TokenConfig {
    /// Which one.
    pub place: TokenPlace,
    /// Where the PIN comes from, or the password of the authentication key.
    pub pin: PinSource,
}

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// Behind a PKCS#11 module.
    Module(Module),
    /// A YubiHSM 2 behind its connector.
    YubiHsm(YubiHsm),
    /// A simulated YubiHSM 2 of this home's own.
    Simulated(Simulated),
}

/// A simulated YubiHSM 2, which the home's own process starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// What the device keeps without power; absolute once it is [`TokenConfig::in_home`].
    pub state: PathBuf,
    /// Object id of the authentication key.
    pub auth_key: u16,
}

/// A token behind a PKCS#11 module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The token, as an RFC 7512 URI: `pkcs11:token=treasury`.
    pub uri: String,
    /// Sessions that work at the same time; as many as fit the machine if absent.
    pub workers: Option<usize>,
    /// What the module expects in its environment, like `SOFTHSM2_CONF`.
    pub environment: BTreeMap<String, String>,
}

/// A YubiHSM 2 behind its connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YubiHsm {
    /// Where the connector listens.
    pub connector: Connector,
    /// Object id of the authentication key.
    pub auth_key: u16,
    /// The device's serial number; any device if absent.
    pub serial: Option<u32>,
    /// Make and use ECDSA keys on firmware that gives them away to whoever holds the device.
    pub allow_vulnerable_ecdsa: bool,
    /// Does this home keep the device's audit log? One home for each device.
    pub keep_log: bool,
}

/// Address of a yubihsm-connector: `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    host: String,
    port: u16,
}

impl TokenConfig {
    /// What the module reads from its environment.
    pub fn environment(&self) -> BTreeMap<String, String> {
        match &self.place {
            TokenPlace::Module(module) => module.environment.clone(),
            TokenPlace::YubiHsm(_) | TokenPlace::Simulated(_) => BTreeMap::new(),
        }
    }

    /// The same with one worker, for a command that asks one thing at a time.
    #[must_use]
    pub fn with_one_worker(mut self) -> Self {
        if let TokenPlace::Module(module) = &mut self.place {
            module.workers = Some(1);
        }
        self
    }

    /// What its PIN is called when somebody has to type it.
    pub fn pin_name(&self) -> String {
        match &self.place {
            TokenPlace::Module(_) => "PIN of the token".to_owned(),
            TokenPlace::YubiHsm(YubiHsm { auth_key, .. })
            | TokenPlace::Simulated(Simulated { auth_key, .. }) => {
                format!("Password of the YubiHSM's authentication key {auth_key}")
            }
        }
    }

    /// In one line: the token's URI, or the connector and the device.
    pub fn name(&self) -> String {
        match &self.place {
            TokenPlace::Module(module) => module.uri.clone(),
            TokenPlace::YubiHsm(hsm) => hsm.to_string(),
            TokenPlace::Simulated(at) => format!("simulated YubiHSM in {}", at.state.display()),
        }
    }

    /// The same for a home in this folder, from which paths count.
    #[must_use]
    pub fn in_home(mut self, home: &Path) -> Self {
        if let TokenPlace::Simulated(at) = &mut self.place {
            at.state = home.join(&at.state);
        }
        self
    }
}

impl YubiHsm {
    /// The simulated device that listens there.
    pub fn simulated(listening: SocketAddr, auth_key: u16) -> Self {
        Self {
            connector: Connector { host: listening.ip().to_string(), port: listening.port() },
            auth_key,
            serial: None,
            allow_vulnerable_ecdsa: false,
            keep_log: true,
        }
    }
}

impl fmt::Display for YubiHsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "YubiHSM at {}", self.connector)?;
        self.serial.map_or(Ok(()), |serial| write!(f, ", serial {serial}"))
    }
}

impl Connector {
    /// Name or address of the host; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Is it on this machine?
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Connector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no address of a connector; write http://HOST:PORT, like http://127.0.0.1:12345"
            )
        };
        if text.starts_with("https:") {
            return Err(format!(
                "{text:?}: TLS to the connector is not spoken, and not needed: what goes to the device is encrypted to its \
                 authentication key; write http://HOST:PORT"
            ));
        }
        let (host, port) =
            text.strip_prefix("http://").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
        let port = port.trim_end_matches('/').parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if host.is_empty() || host.len() > 253 || !host.chars().all(fits) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "http://[{}]:{}", self.host, self.port),
            false => write!(f, "http://{}:{}", self.host, self.port),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Text {
    module: Option<PathBuf>,
    uri: Option<String>,
    workers: Option<usize>,
    environment: Option<BTreeMap<String, String>>,
    yubihsm: Option<String>,
    simulated: Option<PathBuf>,
    serial: Option<String>,
    auth_key: Option<u16>,
    #[serde(default)]
    remote: bool,
    #[serde(default)]
    allow_vulnerable_ecdsa: bool,
    keep_log: Option<bool>,
    pin: PinSource,
}

impl TryFrom<Text> for TokenConfig {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        let of_module = text.uri.is_some() || text.workers.is_some() || text.environment.is_some();
        let of_device = text.serial.is_some() || text.keep_log.is_some() || text.remote;
        let of_device = of_device || text.allow_vulnerable_ecdsa;
        let auth_key = text.auth_key.filter(|id| *id > 0);
        let missing = |beside: &str| {
            format!(
                "missing field `auth-key` beside `token.{beside}`: the id of the agent's authentication key"
            )
        };
        let place = match (text.module, text.yubihsm, text.simulated) {
            (Some(module), None, None) if !of_device && text.auth_key.is_none() => {
                let uri = text.uri.ok_or("missing field `uri` beside `token.module`")?;
                crate::token::check_uri(&uri).map_err(|error| format!("`token.uri`: {error}"))?;
                let environment = text.environment.unwrap_or_default();
                TokenPlace::Module(Module { module, uri, workers: text.workers, environment })
            }
            (None, Some(connector), None) if !of_module => {
                let connector: Connector =
                    connector.parse().map_err(|error| format!("`token.yubihsm`: {error}"))?;
                if !connector.is_local() && !text.remote {
                    return Err(format!(
                        "`token.yubihsm`: {connector} is not on this machine. What goes to the device is encrypted to its \
                         authentication key, but whoever sits in between can delay it, drop it, and see how much there \
                         is; if that is meant, add remote = true"
                    ));
                }
                let serial = text.serial.map(|serial| {
                    serial
                        .parse()
                        .map_err(|_| format!("`token.serial` is {serial:?}; write the digits on the device"))
                });
                TokenPlace::YubiHsm(YubiHsm {
                    connector,
                    auth_key: auth_key.ok_or_else(|| missing("yubihsm"))?,
                    serial: serial.transpose()?,
                    allow_vulnerable_ecdsa: text.allow_vulnerable_ecdsa,
                    keep_log: text.keep_log.unwrap_or(true),
                })
            }
            (None, None, Some(state)) if !of_module && !of_device => {
                let auth_key = auth_key.ok_or_else(|| missing("simulated"))?;
                TokenPlace::Simulated(Simulated { state, auth_key })
            }
            _ => {
                return Err(
                    "[token] has either `module` and `uri` (and perhaps `workers` and `environment`), or \
                            `yubihsm` and `auth-key` (and perhaps `serial`, `remote`, `keep-log` and \
                            `allow-vulnerable-ecdsa`), or `simulated` and `auth-key`"
                        .to_owned(),
                );
            }
        };
        Ok(Self { place, pin: text.pin })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<TokenConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_yubihsm_is_named_by_its_connector() {
        let text = "yubihsm = \"http://127.0.0.1:12345\"\nauth-key = 2\nserial = \"0012345678\"\npin = { file = \"pin\" }";
        let TokenPlace::YubiHsm(hsm) = read(text).unwrap().place else { panic!("a module") };
        assert_eq!((hsm.auth_key, hsm.serial, hsm.keep_log), (2, Some(12_345_678), true));
        assert_eq!(hsm.to_string(), "YubiHSM at http://127.0.0.1:12345, serial 12345678");
        for (change, to, says) in [
            ("auth-key = 2", "", "missing field `auth-key`"),
            ("auth-key = 2", "auth-key = 0", "missing field `auth-key`"),
            ("auth-key = 2", "auth-key = 65536", "65536"),
            ("auth-key = 2", "auth-key = 2\nmodule = \"/m.so\"", "either `module`"),
            ("auth-key = 2", "auth-key = 2\nworkers = 2", "either `module`"),
            ("http://127.0.0.1", "http://10.0.0.7", "remote = true"),
            ("http://127.0.0.1", "http://a@127.0.0.1", "no address"),
            ("http://127.0.0.1", "https://127.0.0.1", "TLS"),
            (":12345", ":0", "no address"),
            (":12345", ":1/x", "no address"),
            ("0012345678", "x", "token.serial"),
        ] {
            let error = read(&text.replace(change, to)).err().unwrap_or_default();
            assert!(error.contains(says), "{to}: {error}");
        }
        assert!(
            read(&text.replace("127.0.0.1", "10.0.0.7").replace("auth-key", "remote = true\nauth-key"))
                .is_ok()
        );
        assert_eq!("http://[::1]:7".parse::<Connector>().unwrap().to_string(), "http://[::1]:7");
        assert!("http://[::1]:7".parse::<Connector>().unwrap().is_local());
        assert!(!"http://127.0.0.1.example.org:7".parse::<Connector>().unwrap().is_local());
    }

    #[test]
    fn a_module_has_a_uri_and_nothing_of_a_yubihsm() {
        assert!(read("module = \"/m.so\"\nuri = \"pkcs11:token=a\"\npin = \"prompt\"").is_ok());
        for (text, says) in [
            ("module = \"/m.so\"\npin = \"prompt\"", "missing field `uri`"),
            (
                "module = \"/m.so\"\nuri = \"pkcs11:token=a\"\nremote = true\npin = \"prompt\"",
                "either `module`",
            ),
            ("pin = \"prompt\"", "either `module`"),
        ] {
            let error = read(text).err().unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
