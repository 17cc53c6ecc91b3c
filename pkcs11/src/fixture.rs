//! Throw-away SoftHSM tokens for tests. A missing module fails the test with the package to install.
//!
//! [`SoftHsm`] is for tests that load the module themselves. SoftHSM reads SOFTHSM2_CONF, which is the
//! process's, once at C_Initialize, of which a process has one: so all fixtures of a process share one
//! module and one folder of tokens, and each has a token of its own with a label of its own. That is
//! safe under `cargo test`, where tests are threads, and under cargo-nextest, where they are
//! processes. The folder is deleted when the last fixture of the process is dropped.
//!
//! [`SoftHsm::external`] is for tests that start a program which loads the module: nothing of it is in
//! this process, and SOFTHSM2_CONF is to be given to that program only.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use tempfile::TempDir;

use crate::pool::lock;
use crate::{Module, ModuleOptions, Pin, PoolOptions, Token, TokenInfo, TokenUri};

/// Where distributions put SoftHSM's module.
const MODULES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// A token in this process.
#[derive(Debug)]
pub struct SoftHsm {
    shared: InUse,
    info: TokenInfo,
    pin: String,
    so_pin: String,
}

/// A token for another process; its folder is deleted when this is dropped.
#[derive(Debug)]
pub struct External {
    folder: TempDir,
    module: PathBuf,
    label: String,
    pin: String,
}

#[derive(Debug)]
struct Shared {
    module: Module,
    folder: PathBuf,
    users: Mutex<usize>,
}

/// The path of SoftHSM's module.
///
/// # Panics
/// When it is not installed.
pub fn softhsm_module() -> PathBuf {
    MODULES.iter().map(PathBuf::from).find(|path| path.is_file()).unwrap_or_else(|| {
        panic!("libsofthsm2.so is missing: apt-get install softhsm2 (looked in {MODULES:?})")
    })
}

/// One of the process's fixtures; the last one deletes the folder.
#[derive(Debug)]
struct InUse(&'static Shared);

impl SoftHsm {
    /// Makes a token with a random PIN.
    ///
    /// # Panics
    /// When SoftHSM is not installed or does not work.
    #[allow(clippy::new_without_default)]
    pub fn new() -> SoftHsm {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let shared = Shared::enter();
        let label = format!("fixture {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (pin, so_pin) = (random_pin(), random_pin());
        let info = shared
            .0
            .module
            .init_token(&label, &Pin::new(so_pin.clone()), &Pin::new(pin.clone()))
            .expect("SoftHSM initialises a token");
        SoftHsm { shared, info, pin, so_pin }
    }

    /// Makes a token for another process.
    ///
    /// # Panics
    /// When SoftHSM or its softhsm2-util is not installed or does not work.
    pub fn external() -> External {
        let module = softhsm_module();
        let folder = TempDir::with_prefix("softhsm-").expect("a temporary folder");
        write_configuration(folder.path());
        let (label, pin) = ("bursar test".to_owned(), random_pin());
        // The PIN of a token that lives as long as this test, so it may stand on a command line.
        let output = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", &label, "--pin", &pin])
            .args(["--so-pin", &random_pin()])
            .env("SOFTHSM2_CONF", folder.path().join("softhsm2.conf"))
            .output()
            .expect("softhsm2-util is missing: apt-get install softhsm2");
        assert!(output.status.success(), "softhsm2-util: {output:?}");
        External { folder, module, label, pin }
    }

    /// The module that all fixtures of the process share.
    pub fn module(&self) -> &Module {
        &self.shared.0.module
    }

    /// What the token said when it was initialised.
    pub fn info(&self) -> &TokenInfo {
        &self.info
    }

    /// Its label.
    pub fn label(&self) -> &str {
        self.info.label()
    }

    /// Its URI, with label and serial number.
    pub fn uri(&self) -> TokenUri {
        TokenUri::of(&self.info)
    }

    /// Its user's PIN.
    pub fn pin(&self) -> Pin {
        Pin::new(self.pin.clone())
    }

    /// Its user's PIN, for files and programs.
    pub fn pin_text(&self) -> &str {
        &self.pin
    }

    /// Its security officer's PIN.
    pub fn so_pin_text(&self) -> &str {
        &self.so_pin
    }

    /// The configuration file, for programs that are to use the same token.
    pub fn conf(&self) -> PathBuf {
        self.shared.0.folder.join("softhsm2.conf")
    }

    /// The token's own folder.
    ///
    /// # Panics
    /// When it is gone.
    pub fn folder(&self) -> PathBuf {
        let serial = self.info.serial();
        fs::read_dir(self.shared.0.folder.join("tokens"))
            .expect("the folder of the tokens")
            .map(|entry| entry.expect("an entry").path())
            .find(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().replace('-', "").ends_with(serial))
            })
            .expect("the token's folder")
    }

    /// Opens it with the default pool.
    ///
    /// # Panics
    /// When it does not open.
    pub fn open(&self) -> Token {
        self.open_with(PoolOptions::default())
    }

    /// Opens it with a pool of one's own.
    ///
    /// # Panics
    /// When it does not open.
    pub fn open_with(&self, options: PoolOptions) -> Token {
        self.module().open(&self.uri(), Some(self.pin()), options).expect("the token opens")
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut users = lock(&self.0.users);
        *users -= 1;
        if *users == 0 {
            // Left behind it would only be litter.
            let _ = fs::remove_dir_all(&self.0.folder);
        }
    }
}

impl External {
    /// The folder that holds everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The value for SOFTHSM2_CONF.
    pub fn conf(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    /// The module's path.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The user's PIN.
    pub fn pin(&self) -> &str {
        &self.pin
    }
}

impl Shared {
    /// Loads the module at the first call, and counts the fixtures.
    fn enter() -> InUse {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            let folder = TempDir::with_prefix("softhsm-").expect("a temporary folder").keep();
            write_configuration(&folder);
            set_conf(&folder.join("softhsm2.conf"));
            let module = Module::load(&softhsm_module(), &ModuleOptions::default()).expect("SoftHSM loads");
            Shared { module, folder, users: Mutex::new(0) }
        });
        let mut users = lock(&shared.users);
        if *users == 0 {
            // Deleted with the last fixture before this one.
            write_configuration(&shared.folder);
        }
        *users += 1;
        drop(users);
        InUse(shared)
    }
}

#[allow(unsafe_code)]
fn set_conf(path: &Path) {
    // SAFETY: called once in a process, before the module is loaded. Rust's own readers of the
    // environment are locked out while it changes. C code that reads it on another thread at this
    // very moment is not: in a test process that could only be a module being initialised, which
    // happens nowhere but after this call on this thread, or a resolver, which tests do not use.
    unsafe { std::env::set_var("SOFTHSM2_CONF", path) }
}

fn write_configuration(folder: &Path) {
    let tokens = folder.join("tokens");
    fs::create_dir_all(&tokens).expect("a folder for tokens");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        tokens.display()
    );
    fs::write(folder.join("softhsm2.conf"), text).expect("softhsm2.conf");
}

fn random_pin() -> String {
    let mut bytes = [0u8; 6];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
