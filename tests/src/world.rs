//! A home folder with a SoftHSM token, and the programs that work on it.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bursar_pkcs11::fixture::{External, SoftHsm};
use tempfile::TempDir;

use crate::daemon::{Daemon, Started};
use crate::spec::{Account, Asset, Spec};

/// The programs under test; [`programs!`](crate::programs) knows where they are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `bursar`.
    pub bursar: PathBuf,
    /// Makes home folders.
    pub testhome: PathBuf,
}

/// One home folder and its token; deleted when dropped.
#[derive(Debug)]
pub struct World {
    programs: Programs,
    folder: TempDir,
    token: External,
}

impl World {
    /// The account `expenses` with 1,000.00 EUR, and this policy bundle.
    pub fn new(programs: Programs, policy: &str) -> Self {
        Self::with_accounts(programs, policy, &[Account::new("expenses", "1000.00")])
    }

    /// These accounts, and this policy bundle.
    pub fn with_accounts(programs: Programs, policy: &str, accounts: &[Account]) -> Self {
        Self::with_assets(programs, policy, accounts, &[])
    }

    /// These accounts, and this policy bundle, on a ledger with these assets beside EUR.
    pub fn with_assets(programs: Programs, policy: &str, accounts: &[Account], assets: &[Asset]) -> Self {
        let folder = TempDir::with_prefix("bursar-").expect("a temporary folder");
        let token = SoftHsm::external();
        let pin_file = folder.path().join("pin");
        let mut file = std::fs::File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&pin_file)
            .expect("a PIN file");
        file.write_all(token.pin().as_bytes()).expect("a PIN file");
        let world = Self { programs, folder, token };
        let spec = Spec {
            home: world.home(),
            module: world.token.module().to_owned(),
            token: world.token.label().to_owned(),
            pin_file,
            policy: policy.to_owned(),
            accounts: accounts.to_vec(),
            assets: assets.to_vec(),
        };
        world.make(&spec);
        world
    }

    fn make(&self, spec: &Spec) {
        let mut child = Command::new(&self.programs.testhome)
            .env("SOFTHSM2_CONF", self.token.conf())
            .stdin(Stdio::piped())
            .spawn()
            .expect("testhome starts");
        let text = serde_json::to_vec(spec).expect("a spec is JSON");
        child.stdin.take().expect("piped").write_all(&text).expect("testhome reads");
        assert!(child.wait().expect("a child").success(), "the home folder could not be made");
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The token.
    pub fn token(&self) -> &External {
        &self.token
    }

    /// The file with the PIN.
    pub fn pin_file(&self) -> PathBuf {
        self.folder.path().join("pin")
    }

    /// A folder for whatever a test needs.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// The address of an account, which its key in the token gives it.
    pub fn address(&self, account: &str) -> String {
        let shown = self.run(&["key", "show", account, "--format", "address"]);
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        String::from_utf8(shown.stdout).expect("an address").trim().to_owned()
    }

    /// Replaces a text in a file of the home folder.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.home().join(name);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{from:?} is not in {text}");
        std::fs::write(&path, text.replace(from, to)).expect("a file");
    }

    /// Adds lines at the end of the configuration.
    pub fn configure(&self, lines: &str) {
        let path = self.home().join("config.toml");
        let text = std::fs::read_to_string(&path).expect("a configuration");
        std::fs::write(&path, format!("{text}\n{lines}")).expect("a configuration");
    }

    /// Has the agent answer callers with a certificate, on a port that is free when it starts.
    pub fn listen(&self) {
        self.edit("config.toml", "# listen = \"127.0.0.1:7420\"", "listen = \"127.0.0.1:0\"");
    }

    /// Where the running agent answers them.
    pub fn listening(&self) -> SocketAddr {
        let text = std::fs::read_to_string(self.home().join("listening")).expect("an agent that listens");
        text.trim_end().parse().expect("an address")
    }

    /// `bursar --home HOME ARGS…`, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.programs.bursar);
        command.args(args).arg("--home").arg(self.home()).env_remove("FAILPOINTS").env("NO_COLOR", "1");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().expect("bursar starts")
    }

    /// Starts the agent; it has to become ready.
    pub fn serve(&self) -> Daemon {
        self.ready(self.command(&["serve"]))
    }

    /// Starts the agent so that it is killed at a named point.
    pub fn serve_until(&self, point: &str) -> Daemon {
        let mut command = self.command(&["serve"]);
        command.env("FAILPOINTS", format!("{point}=return"));
        self.ready(command)
    }

    /// Starts the agent; it has to refuse. Answers its exit code and what it printed.
    pub fn serve_refused(&self) -> (i32, String) {
        match self.start(self.command(&["serve"])) {
            Started::Ready(daemon) => panic!("it started: {}", daemon.log()),
            Started::Ended(status, printed) => (status.code().unwrap_or(-1), printed),
        }
    }

    /// Starts a prepared command.
    pub fn start(&self, command: Command) -> Started {
        let _ = std::fs::remove_file(self.home().join("agent.log"));
        Daemon::start(command, self.home())
    }

    /// Starts a prepared command; it has to become ready.
    pub fn ready(&self, command: Command) -> Daemon {
        match self.start(command) {
            Started::Ready(daemon) => daemon,
            Started::Ended(status, printed) => panic!("the agent ended with {status}:\n{printed}"),
        }
    }
}
