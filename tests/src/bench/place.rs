//! One SoftHSM token, and home folders that work with it.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bursar_pkcs11::fixture::SoftHsm;
use bursar_pkcs11::{Algorithm, KeyUri};
use bursar_tests::daemon::{Daemon, Started};
use bursar_tests::policy::bundle;
use bursar_tests::spec::{Account, Spec};
use tempfile::TempDir;

use crate::options::{Options, Reach};

/// What every payment of the benchmark is judged by: an allow with a limit per payment and a
/// rolling budget, and a limit by the day over all accounts.
const RULES: &str = r#"
[[allow]]
name = "groceries"
accounts = ["ed25519", "secp256k1", "p256"]
categories = ["supermarket"]
per_payment = "50.00 EUR"
budget = { amount = "900000000.00 EUR", rolling = "7d" }

[[allow]]
name = "pharmacy"
accounts = ["ed25519"]
categories = ["pharmacy"]
per_payment = "200.00 EUR"

[[limit]]
name = "a day"
count = { max = 100000000, calendar = "day", zone = "Europe/Berlin" }
"#;

/// A running agent.
pub struct Served {
    /// The program.
    pub daemon: Daemon,
    /// Where it listens.
    pub socket: PathBuf,
}

/// The token and a folder for homes; deleted when dropped.
pub struct Place {
    /// The token, open in this process for the bare loop, and used by the agents beside it.
    pub hsm: SoftHsm,
    folder: TempDir,
    pin_file: PathBuf,
    bursar: PathBuf,
    testhome: PathBuf,
}

impl Place {
    /// Makes the token.
    pub fn new(options: &Options) -> Self {
        let folder = TempDir::with_prefix_in("bursar-bench-", options.parent()).expect("a temporary folder");
        // Set before anything reads it: an agent finds the token through this variable.
        let hsm = SoftHsm::new();
        let pin_file = folder.path().join("pin");
        let mut file = std::fs::File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&pin_file)
            .expect("a PIN file");
        file.write_all(hsm.pin_text().as_bytes()).expect("a PIN file");
        Self { hsm, folder, pin_file, bursar: options.bursar.clone(), testhome: options.testhome.clone() }
    }

    /// A new home folder with an account for each algorithm, named like it.
    pub fn home(&self, name: &str, reach: Reach) -> PathBuf {
        let home = self.folder.path().join(name);
        let account = |algorithm: Algorithm| Account {
            name: algorithm.to_string(),
            algorithm: algorithm.to_string(),
            balance: "900000000.00".to_owned(),
        };
        let spec = Spec {
            home: home.clone(),
            module: bursar_pkcs11::fixture::softhsm_module(),
            token: self.hsm.label().to_owned(),
            pin_file: self.pin_file.clone(),
            policy: bundle(RULES),
            accounts: Algorithm::ALL.map(account).to_vec(),
            assets: Vec::new(),
        };
        let mut child = Command::new(&self.testhome)
            .env("SOFTHSM2_CONF", self.hsm.conf())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.testhome.display()));
        let text = serde_json::to_vec(&spec).expect("a spec is JSON");
        child.stdin.take().expect("piped").write_all(&text).expect("testhome reads");
        assert!(child.wait().expect("a child").success(), "the home folder could not be made");
        if reach == Reach::Signed {
            let path = home.join("config.toml");
            let text = std::fs::read_to_string(&path).expect("config.toml");
            let embedded = "kind = \"embedded\"\ngenesis = \"genesis.json\"";
            let none = format!("kind = \"none\"\nid = \"{}\"", "5a".repeat(32));
            assert!(text.contains(embedded), "config.toml has changed: {text}");
            std::fs::write(&path, text.replace(embedded, &none)).expect("config.toml");
        }
        home
    }

    /// Starts the released program on a home.
    pub fn serve(&self, home: &Path) -> Served {
        let mut command = Command::new(&self.bursar);
        command.args(["serve", "--home"]).arg(home).env_remove("FAILPOINTS");
        command.env("SOFTHSM2_CONF", self.hsm.conf());
        match Daemon::start(command, home.to_owned()) {
            Started::Ready(daemon) => Served { daemon, socket: home.join("bursar.sock") },
            Started::Ended(status, printed) => panic!("the agent ended with {status}:\n{printed}"),
        }
    }

    /// The account key of an algorithm.
    pub fn key(&self, algorithm: Algorithm) -> KeyUri {
        KeyUri::label(&algorithm.to_string()).expect("a label")
    }

    /// Where the files are, and on what.
    pub fn describe(&self) -> String {
        let path = self.folder.path();
        // From linux/magic.h: memory has no durable writes, so its figures say nothing of a disk.
        let kind = match rustix::fs::statfs(path).map(|found| found.f_type as u64) {
            Ok(0x0102_1994) => "tmpfs: MEMORY, NOT A DISK; name another with --folder",
            Ok(0xef53) => "ext4",
            Ok(0x5846_5342) => "xfs",
            Ok(0x9123_683e) => "btrfs",
            Ok(0x794c_7630) => "overlayfs",
            _ => "another file system",
        };
        format!("{} ({kind})", path.parent().unwrap_or(path).display())
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
