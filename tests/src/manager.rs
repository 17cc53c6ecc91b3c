//! A person with a token and a home of their own, who decides by the command line.

use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use bursar_pkcs11::fixture::{External, SoftHsm};
use serde_json::Value;
use tempfile::TempDir;

use crate::guest;
use crate::world::{Programs, World};

/// Approver and administrator under one name; deleted when dropped.
#[derive(Debug)]
pub struct Manager {
    programs: Programs,
    folder: TempDir,
    token: External,
    /// What `bursar init` has answered.
    pub made: Value,
}

impl Manager {
    /// Has `bursar init` make the home, with these further options.
    pub fn new(programs: Programs, name: &str, more: &[&str]) -> Self {
        let folder = TempDir::with_prefix("bursar-").expect("a temporary folder");
        let mut manager = Self { programs, folder, token: SoftHsm::external(), made: Value::Null };
        manager.write_pin(manager.pin());
        let output = manager.init(name, &[&["--json"], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        manager.made = serde_json::from_slice(&output.stdout).expect("JSON");
        manager
    }

    /// Runs `bursar init` for the home of a person of this name, with these further options.
    pub fn init(&self, name: &str, more: &[&str]) -> Output {
        let pin = self.pin_file();
        let (module, pin) = (self.token.module().to_str().expect("UTF-8"), pin.to_str().expect("UTF-8"));
        let mut args = vec!["init", "--module", module, "--token", self.token.label(), "--pin-file", pin];
        args.extend(["--approver", name, "--administrator", name]);
        args.extend(more);
        let mut command = self.command(&args);
        command.env("SOFTHSM2_CONF", self.token.conf()).output().expect("bursar starts")
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file in a folder for whatever a test needs.
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn pin_file(&self) -> PathBuf {
        self.folder.path().join("pin")
    }

    /// The token's right PIN.
    pub fn pin(&self) -> &str {
        self.token.pin()
    }

    /// Writes a PIN, right or wrong, where the home reads it.
    pub fn write_pin(&self, pin: &str) {
        use std::io::Write;
        let mut options = std::fs::File::options();
        let options = options.create(true).write(true).truncate(true).mode(0o600);
        let mut file = options.open(self.pin_file()).expect("a PIN file");
        file.write_all(pin.as_bytes()).expect("a PIN file");
    }

    /// The public key of an office, as init answered.
    pub fn key(&self, office: &str) -> &str {
        self.made[office].as_str().expect("a public key")
    }

    /// Names the running agent, by its address and certificate.
    pub fn connect(&self, world: &World) {
        let certificate = guest::fingerprint(&world.home().join("certificate.pem"));
        self.remote(&format!("url = \"https://{}\"\ncertificate = \"{certificate}\"\n", world.listening()));
    }

    /// Names whoever answers on this socket as the agent.
    pub fn ask(&self, socket: &str) {
        self.remote(&format!("socket = \"{socket}\"\n"));
    }

    fn remote(&self, agent: &str) {
        let path = self.home().join("config.toml");
        let text = std::fs::read_to_string(&path).expect("a configuration");
        let text = text.split("[remote]").next().expect("a text").trim_end_matches("# ");
        std::fs::write(&path, format!("{text}[remote]\n{agent}")).expect("a configuration");
    }

    /// `bursar --home HOME ARGS…`, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.programs.bursar);
        command.args(args).arg("--home").arg(self.home()).env("NO_COLOR", "1").stdin(Stdio::null());
        command.env_remove("FAILPOINTS").env_remove("SOFTHSM2_CONF");
        command
    }

    /// Runs a command, which has to end with this code; answers what it printed, errors last.
    pub fn says(&self, code: i32, args: &[&str]) -> String {
        let output = self.command(args).output().expect("bursar starts");
        ended(&output, code, args)
    }

    /// Runs a command with `--json`, which has to end with this code.
    pub fn json(&self, code: i32, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().expect("bursar starts");
        let says = ended(&output, code, args);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {says}"))
    }
}

/// What a command printed that ended with this code.
pub fn ended(output: &Output, code: i32, args: &[&str]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let says = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {says}");
    says
}
