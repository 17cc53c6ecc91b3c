//! The text of a new home's config.toml, with its comments.

use std::fmt::Write;
use std::path::Path;

use super::SetupError;
use super::account::AccountKey;
use crate::config::token::{Simulated, YubiHsm};
use crate::config::{Config, TokenConfig, TokenPlace};
use crate::token::pin::PinSource;

/// What a new configuration says.
#[derive(Clone, Debug)]
pub struct NewConfig {
    /// The home's random id, 32 hex digits.
    pub id: String,
    /// The token; a module's path absolute.
    pub token: TokenConfig,
    /// Label of the audit key.
    pub audit: String,
    /// Label of the node key.
    pub node: String,
    /// Label of the key that signs new versions of the policy; without one, whoever can write the
    /// policy's file changes the policy.
    pub administrator: Option<String>,
    /// The accounts.
    pub accounts: Vec<AccountKey>,
    /// The user who may ask for payments.
    pub uid: u32,
}

impl NewConfig {
    /// The text; what it says was read back with the same parser that the agent uses.
    pub fn render(&self, home: &Path) -> Result<String, SetupError> {
        let text = self.text()?;
        Config::parse(home, &text).map_err(SetupError::Config)?;
        Ok(text)
    }

    fn text(&self) -> Result<String, SetupError> {
        let token = token_lines(&self.token)?;
        let administrator = self.administrator.as_ref().map_or_else(String::new, |label| {
            format!(
                "# Signs new versions of the policy, as `bursar policy install` asks; ed25519 or p256.\nadministrator = {}\n",
                quoted(label)
            )
        });
        let mut accounts = String::new();
        for AccountKey { account, label } in &self.accounts {
            let _ = writeln!(accounts, "[accounts.{}]\nkey = {}\n", key(account.as_str()), quoted(label));
        }
        Ok(format!(
            r#"# What this home folder's agent works with. It reads this file when it starts.
# Paths are relative to this folder, unless they begin with a slash.

# Random, different for each home: it stands in the audit log's checkpoints and in the token's
# rollback anchor. Changing it cuts the home off from both.
id = {id}
# Where real money is paid: then no simulated device is taken for the token.
# production = true

{token}# Labels of keys in the token. Each key has one role. `bursar key list` shows them.
[keys]
# Signs the audit log's checkpoints; ed25519.
audit = {audit}
# Signs the ledger's checkpoints; ed25519.
node = {node}
{administrator}# Approves payments with this token; ed25519 or p256, and nobody else's.
# approver = "anna"

# The accounts, by the names that payments and the policy use.
# `bursar key generate NAME --algorithm ed25519 --account NAME` adds one.
{accounts}# Where payments go after they were signed: a ledger in this folder.
[ledger]
kind = "embedded"
genesis = "genesis.json"

# Who may ask for what, under the names that the policy's `callers` use. Others are turned away.
# A caller is known by `uid`, a user of this machine; by `certificate`, one or a list of them, whoever
# has its key, on any machine; or by both. `gid`, alone, is everybody whose primary group it is. A user
# id comes before a group id. Give each person one name, the one that the policy's approvers use, too:
# nobody approves what they have asked for. Whoever asks under another name, or in a group, has that in
# the policy: [approvers.anna] with callers = ["owner", "clerks"]. `bursar status` tells who is missing.
# `roles` are some of "requester" (asks for payments), "approver", "auditor" (reads the audit log),
# "administrator" (reads it, too, and confirms the clock) and "node"; requester without this line.
[callers.owner]
uid = {uid}
roles = ["requester", "approver", "auditor", "administrator"]
# [callers.treasurer]
# uid = 1000
# [callers.clerks]
# gid = 100
# [callers.anna]
# certificate = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
# roles = ["approver", "auditor"]

[agent]
# The Unix socket.
# socket = "bursar.sock"
# The id of the group that may use it, too; then put it where that group gets to, like /run/bursar/bursar.sock.
# socket-group = 1000
# Where callers with a certificate are answered, with TLS; nowhere without this line. They have to know
# this home by its certificate, whose fingerprint `bursar certificate` prints.
# listen = "127.0.0.1:7420"
# For how long a payment may be recorded after it was asked for.
# valid-for = "15m"
# For how long a payment may wait for approvals.
# approval-for = "3d"
# How far the clock may jump while the agent runs, and between two runs, until somebody confirms it.
# clock-tolerance = "5m"
# clock-tolerance-restart = "3d"

# The agent that this home's commands ask, if that is another one: its `listen`, and its certificate.
# [remote]
# url = "https://treasury.example:7420"
# certificate = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
"#,
            uid = self.uid,
            id = quoted(&self.id),
            audit = quoted(&self.audit),
            node = quoted(&self.node),
        ))
    }
}

/// The section `[token]`, with its comments.
pub(super) fn token_lines(token: &TokenConfig) -> Result<String, SetupError> {
    let pin = match &token.pin {
        PinSource::File(path) => format!("{{ file = {} }}", quoted(utf8(path)?)),
        PinSource::Credential(name) => format!("{{ credential = {} }}", quoted(name)),
        PinSource::Prompt => quoted("prompt"),
    };
    let at = match &token.place {
        TokenPlace::Module(at) => at,
        TokenPlace::YubiHsm(at) => return Ok(yubihsm_lines(at, &pin)),
        TokenPlace::Simulated(at) => return simulated_lines(at, &pin),
    };
    let mut variables = String::new();
    for (name, value) in &at.environment {
        let _ = writeln!(variables, "{} = {}", key(name), quoted(value));
    }
    Ok(format!(
        r#"[token]
# The PKCS#11 module and the token in it, as an RFC 7512 URI.
module = {module}
uri = {uri}
# Where the PIN comes from: {{ file = "pin" }} (mode 0600), {{ credential = "pin" }} (of systemd), or "prompt".
pin = {pin}
# How many signatures are made at the same time; as many as fit the machine without this line.
# workers = 4

# What the module reads from its environment.
[token.environment]
{variables}
"#,
        module = quoted(utf8(&at.module)?),
        uri = quoted(&at.uri),
    ))
}

fn simulated_lines(at: &Simulated, pin: &str) -> Result<String, SetupError> {
    Ok(format!(
        r#"[token]
# A simulated YubiHSM 2 that runs in the agent: for trying and testing. Its keys lie in this file.
simulated = {state}
# The id of the authentication key that this home opens it with.
auth-key = {key}
# Where its password comes from: {{ file = "pin" }} (mode 0600), {{ credential = "pin" }} (of systemd), or "prompt".
pin = {pin}

"#,
        state = quoted(utf8(&at.state)?),
        key = at.auth_key,
    ))
}

fn yubihsm_lines(at: &YubiHsm, pin: &str) -> String {
    let serial = at.serial.map_or_else(String::new, |serial| format!("serial = \"{serial:010}\"\n"));
    let flag =
        |name: &str, set: bool| if set { format!("{name} = true\n") } else { format!("# {name} = true\n") };
    format!(
        r#"[token]
# A YubiHSM 2: the address of its connector, the device's serial number, and the id of the authentication
# key that this home opens it with, which can sign with the keys of its roles and can do nothing else.
yubihsm = "{connector}"
{serial}auth-key = {key}
# Where the password comes from: {{ file = "pin" }} (mode 0600), {{ credential = "pin" }} (of systemd), or "prompt".
pin = {pin}
# For a connector on another machine. What goes to the device is encrypted to the authentication key.
{remote}# Make and use ECDSA keys on firmware below 2.4.0, which gives them away to whoever holds the device (EUCLEAK).
{vulnerable}# The agent keeps the device's audit log in device-log.jsonl; for the other homes on the same device: false.
{log}
"#,
        connector = at.connector,
        key = at.auth_key,
        remote = flag("remote", !at.connector.is_local()),
        vulnerable = flag("allow-vulnerable-ecdsa", at.allow_vulnerable_ecdsa),
        log = if at.keep_log { "# keep-log = false" } else { "keep-log = false" },
    )
}

/// One more account at the end of a configuration's text; read back before it is answered.
pub fn with_account(home: &Path, text: &str, key: &AccountKey) -> Result<String, SetupError> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let (name, label) = (self::key(key.account.as_str()), quoted(&key.label));
    let text = format!("{text}{end}\n[accounts.{name}]\nkey = {label}\n");
    Config::parse(home, &text).map_err(SetupError::Config)?;
    Ok(text)
}

/// A key of TOML: bare where that is possible.
pub fn key(text: &str) -> String {
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { text.to_owned() } else { quoted(text) }
}

/// A basic string of TOML.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn utf8(path: &Path) -> Result<&str, SetupError> {
    path.to_str().ok_or_else(|| SetupError::Path { path: path.to_owned(), why: "is not UTF-8" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::token::Module;

    fn module() -> Module {
        Module {
            module: "/usr/lib/softhsm/libsofthsm2.so".into(),
            uri: "pkcs11:token=treasury".to_owned(),
            workers: None,
            environment: BTreeMap::new(),
        }
    }

    fn sample() -> NewConfig {
        NewConfig {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            token: TokenConfig { place: TokenPlace::Module(module()), pin: PinSource::File("pin".into()) },
            audit: "audit".to_owned(),
            node: "node".to_owned(),
            administrator: None,
            accounts: Vec::new(),
            uid: 1234,
        }
    }

    #[test]
    fn what_was_given_is_what_the_agent_reads() {
        let home = Path::new("/home/anna/x");
        for pin in [
            PinSource::File("/etc/a b/\"pin\"".into()),
            PinSource::Credential("pin".into()),
            PinSource::Prompt,
        ] {
            let mut at = module();
            at.environment.insert("SOFTHSM2_CONF".to_owned(), "/odd \\ \"path\"\u{e9}".to_owned());
            let token = TokenConfig { place: TokenPlace::Module(at), pin };
            let mut new = NewConfig { token, ..sample() };
            new.accounts =
                ["expenses=card 'seven'", "petty cash=p\u{fc}"].map(|text| text.parse().unwrap()).to_vec();
            let config = Config::parse(home, &new.render(home).unwrap()).unwrap();
            assert_eq!(config.token, new.token);
            let accounts: Vec<_> =
                config.labels.accounts.iter().map(|(name, key)| (name.as_str(), key.as_str())).collect();
            assert_eq!(accounts, [("expenses", "card 'seven'"), ("petty cash", "p\u{fc}")]);
            assert_eq!(config.labels.node.as_deref(), Some("node"));
            assert_eq!(config.labels.administrator, None);
        }
    }

    #[test]
    fn a_yubihsm_is_written_as_it_is_read() {
        let home = Path::new("/home/anna/x");
        for (connector, set, serial) in
            [("http://127.0.0.1:12345", false, None), ("http://10.0.0.7:1", true, Some(12_345_678))]
        {
            let place = TokenPlace::YubiHsm(YubiHsm {
                connector: connector.parse().unwrap(),
                auth_key: 7,
                serial,
                allow_vulnerable_ecdsa: set,
                keep_log: !set,
            });
            let token = TokenConfig { place, pin: PinSource::File("pin".into()) };
            let new = NewConfig { token, ..sample() };
            assert_eq!(Config::parse(home, &new.render(home).unwrap()).unwrap().token, new.token);
        }
    }

    #[test]
    fn the_key_of_an_administrator_is_named() {
        let home = Path::new("/home/anna/x");
        let new = NewConfig { administrator: Some("chief \"1\"".to_owned()), ..sample() };
        let labels = Config::parse(home, &new.render(home).unwrap()).unwrap().labels;
        assert_eq!((labels.administrator.as_deref(), labels.approver), (Some("chief \"1\""), None));
    }

    #[test]
    fn an_account_is_added_once() {
        let home = Path::new("/home/anna/x");
        let text = sample().render(home).unwrap();
        let key: AccountKey = "travel=t".parse().unwrap();
        let text = with_account(home, &text, &key).unwrap();
        assert_eq!(Config::parse(home, &text).unwrap().labels.accounts.len(), 1);
        assert!(matches!(with_account(home, &text, &key), Err(SetupError::Config(_))));
    }

    #[test]
    fn the_lines_in_comments_are_valid_too() {
        let home = Path::new("/home/anna/x");
        let text = sample().render(home).unwrap();
        let lines = [
            "production = true",
            "workers = 4",
            "approver =",
            "[callers.treasurer]",
            "uid = 1000",
            "[callers.clerks]",
            "gid = 100",
            "[callers.anna]",
            "certificate =",
            "roles =",
            "socket =",
            "listen =",
            "valid-for =",
            "clock-tolerance",
            "[remote]",
            "url =",
        ];
        let mut open = text.clone();
        for line in lines {
            assert!(open.contains(&format!("# {line}")), "{line}");
            open = open.replace(&format!("# {line}"), line);
        }
        let config = Config::parse(home, &open).unwrap();
        let TokenPlace::Module(at) = config.token.place else { panic!("a YubiHSM") };
        assert_eq!((at.workers, config.callers.iter().count()), (Some(4), 4));
        assert!(config.production && config.listen.is_some() && config.remote.is_some());
    }

    #[test]
    fn the_owner_has_every_role_but_that_of_a_node() {
        let home = Path::new("/home/anna/x");
        let config = Config::parse(home, &sample().render(home).unwrap()).unwrap();
        let owner = config.callers.of_user(1234, 0).unwrap();
        assert_eq!((owner.name.as_str(), owner.roles.bits()), ("owner", 1 + 2 + 4 + 8));
    }
}
