//! A home folder, and the program that works on it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use bursar_core::key::PublicKey;
use serde_json::Value;
use tempfile::TempDir;

use super::device::Device;

/// A home folder; its agent is stopped when it is dropped.
pub struct Home {
    folder: TempDir,
    factory_file: String,
    /// What init answered.
    pub made: Value,
}

/// How a command ended.
pub struct Ended(Output);

impl Home {
    /// A folder that is no home yet.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("bursar-").unwrap();
        let file = folder.path().join("factory");
        std::fs::write(&file, "password\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let factory_file = file.to_str().unwrap().to_owned();
        Self { folder, factory_file, made: Value::Null }
    }

    /// With the account `expenses`, which may pay.
    pub fn make(device: &Device, more: &[&str]) -> Self {
        let mut home = Self::new();
        home.made = home.init(device, more).ok();
        home.allow_payments();
        home
    }

    pub fn init(&self, device: &Device, more: &[&str]) -> Ended {
        self.init_at(&device.url(), more)
    }

    pub fn init_at(&self, url: &str, more: &[&str]) -> Ended {
        let fixed = ["init", "--json", "--yubihsm", url, "--provision-file", &self.factory_file];
        let account = ["--account", "expenses", "--balance", "expenses=1000.00 EUR"];
        self.run(&[&fixed[..], &account, more].concat())
    }

    /// The file with the factory's password.
    pub fn factory_file(&self) -> &str {
        &self.factory_file
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Any amount to the market.
    pub fn allow_payments(&self) {
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key();
        let address = PublicKey::ed25519(key.to_bytes()).unwrap().address();
        let policy = format!(
            "version = 1\n[assets.EUR]\ndecimals = 2\n[recipients.\"Fresh Market\"]\naddress = \"{address}\"\n\
             categories = [\"supermarket\"]\n[[allow]]\nname = \"groceries\"\naccounts = [\"expenses\"]\n\
             categories = [\"supermarket\"]\nper_payment = \"50.00 EUR\"\n"
        );
        std::fs::write(self.path().join("policy.toml"), policy).unwrap();
    }

    /// Replaces a text in the configuration.
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.path().join("config.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// Id and password of the home's authentication key.
    pub fn credentials(&self) -> (u16, String) {
        let text = std::fs::read_to_string(self.path().join("config.toml")).unwrap();
        let config: toml::Table = toml::from_str(&text).unwrap();
        let id = config["token"]["auth-key"].as_integer().unwrap();
        let password = std::fs::read_to_string(self.path().join("pin")).unwrap();
        (id.try_into().unwrap(), password.trim_end().to_owned())
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
        command.args(args).arg("--home").arg(self.path()).env("NO_COLOR", "1");
        Ended(command.output().unwrap())
    }

    pub fn serve(&self) {
        self.run(&["serve", "--background"]).ok_text();
    }

    /// The payment, settled or not.
    pub fn pay(&self, key: &str, amount: &str) -> Value {
        let ended = self.ask(key, amount);
        serde_json::from_slice(&ended.0.stdout).unwrap_or_else(|_| Value::String(ended.text()))
    }

    pub fn ask(&self, key: &str, amount: &str) -> Ended {
        self.run(&[
            "pay",
            amount,
            "EUR",
            "--from",
            "expenses",
            "--to",
            "Fresh Market",
            "--key",
            key,
            "--json",
        ])
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.run(&["stop"]);
    }
}

impl Ended {
    fn text(&self) -> String {
        [&self.0.stdout, &self.0.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
    }

    /// What it printed, if it went well.
    pub fn ok_text(&self) -> String {
        assert!(self.0.status.success(), "{}", self.text());
        self.text()
    }

    /// The same as JSON; nothing where it printed none.
    pub fn ok(&self) -> Value {
        self.ok_text();
        serde_json::from_slice(&self.0.stdout).unwrap_or_default()
    }

    /// It ended with this exit code and said so.
    pub fn fails(&self, exit: i32, says: &str) {
        let text = self.text();
        assert_eq!(self.0.status.code(), Some(exit), "{text}");
        assert!(text.contains(says), "{says:?} is not in: {text}");
    }
}
