//! A home with a simulated YubiHSM of its own: who runs the device, who finds it, what outlives a crash.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bursar_tests::daemon::Started;
use bursar_tests::files;
use bursar_tests::home::{Ended, Home};
use bursar_tests::patience::Openings;
use bursar_tests::programs;
use yubihsm::connector::HttpConfig;
use yubihsm::{Client, Connector, Credentials};

fn quickstart() -> Home {
    let home = Home::new(programs!());
    home.run(&["quickstart", "--json"]).json();
    home
}

/// With the account `expenses`; the policy denies everything.
fn init() -> Home {
    let home = Home::new(programs!());
    home.run(&["init", "--simulated", "--account", "expenses", "--json"]).json();
    home
}

fn spawn(home: &Home, args: &[&str]) -> Child {
    home.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Where the agent's device listens.
fn listening(home: &Home) -> SocketAddr {
    std::fs::read_to_string(home.path().join("device.address")).unwrap().trim_end().parse().unwrap()
}

/// Does this password open the device, for a client of others?
fn opens(at: SocketAddr, id: u16, password: &str) -> bool {
    let config = HttpConfig { addr: at.ip().to_string(), port: at.port(), ..Default::default() };
    let credentials = Credentials::from_password(id, password.as_bytes());
    Client::open(Connector::http(&config), credentials, false).is_ok()
}

#[test]
fn a_killed_agent_finds_its_device_as_it_was() {
    let home = quickstart();
    let keys = home.run(&["key", "list", "--json"]).json();
    let agent = home.serve();
    let first = agent.api().pay("one", "expenses", "Fresh Market", "20.00 EUR");
    assert_eq!((first.0, &first.1["state"]), (201, &"recorded".into()), "{first:?}");
    agent.kill();
    assert!(home.path().join("device.address").exists(), "nobody has cleaned up");
    assert_eq!(home.run(&["key", "list", "--json"]).json(), keys);
    assert!(!home.path().join("device.address").exists(), "what the dead agent left misleads nobody");
    let agent = home.serve();
    assert_eq!(agent.api().pay("one", "expenses", "Fresh Market", "20.00 EUR").1, first.1);
    let second = agent.api().pay("two", "expenses", "Fresh Market", "1.00 EUR");
    assert_eq!(second.1["state"], "recorded");
    assert!(agent.stop().success());
    assert!(!home.path().join("device.address").exists(), "nobody listens there any more");
    home.run(&["audit", "verify"]).ok();
    home.run(&["ledger", "verify"]).ok();
}

#[test]
fn the_anchor_is_in_the_device_and_the_device_is_its_file() {
    let home = quickstart();
    let (old, device) = (home.scratch().join("old"), home.path().join("device.state"));
    std::fs::create_dir(&old).unwrap();
    files::copy_state(&home.path(), &old);
    std::fs::copy(&device, old.join("device.state")).unwrap();
    let agent = home.serve();
    assert_eq!(agent.api().pay("one", "expenses", "Fresh Market", "1.00 EUR").1["state"], "recorded");
    assert!(agent.stop().success());
    files::copy_state(&old, &home.path());
    match home.start() {
        Started::Ended(status, says) => assert_eq!(status.code(), Some(7), "{says}"),
        Started::Ready(agent) => panic!("an older book: {}", agent.log()),
    }
    // As the README says: whoever restores the disk restores the token with it.
    std::fs::copy(old.join("device.state"), &device).unwrap();
    assert!(home.serve().stop().success());
}

#[test]
fn commands_work_beside_the_agent_and_without_it() {
    let home = init();
    let all = |home: &Home, label: &str| {
        home.run(&["key", "generate", label, "--algorithm", "ed25519", "--account", label]).ok();
        let attested = home.run(&["key", "attest", label, "--json"]).json();
        assert_eq!((&attested["label"], &attested["simulator"]), (&label.into(), &true.into()));
        let listed = home.run(&["key", "list"]).ok();
        assert!(listed.contains(&format!("account {label}")) && listed.contains("SIMULATOR"), "{listed}");
        home.run(&["key", "list", "--json"]).json()
    };
    all(&home, "before");
    let agent = home.serve();
    let beside = all(&home, "beside");
    assert!(agent.stop().success());
    assert_eq!(home.run(&["key", "list", "--json"]).json(), beside);
    assert_eq!(all(&home, "after").as_array().unwrap().len(), 4 + 3);
    // The keys that were made meanwhile pay after the next start.
    let agent = home.serve();
    let status = home.run(&["status"]).ok();
    assert!(status.contains("SIMULATOR"), "{status}");
    assert!(agent.stop().success());
}

#[test]
fn commands_at_once_wait_for_each_other() {
    let home = init();
    let expected = home.run(&["key", "list", "--json"]).json();
    for round in 0..4 {
        let attest = ["key", "attest", "expenses", "--json"];
        let list = ["key", "list", "--json"];
        let all = [&list[..], &attest, &list, &attest, &list, &list].map(|args| (args, spawn(&home, args)));
        for (args, child) in all {
            let ended = Ended(child.wait_with_output().unwrap());
            let answer = ended.json();
            if args == list {
                assert_eq!(answer, expected, "round {round}");
            }
        }
    }
}

#[test]
fn the_agent_waits_for_a_command_that_has_the_device() {
    let home = init();
    let lock = home.path().join("device.state.lock");
    let held = File::options().write(true).open(&lock).unwrap();
    held.lock().unwrap();
    // Once is tried, and then again.
    let openings = Openings::of(&lock);
    let (tried, ready) = std::sync::mpsc::channel();
    let agent = std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            tried.send(()).unwrap();
            home.serve()
        });
        ready.recv().unwrap();
        openings.wait(2);
        drop(held);
        starting.join().unwrap()
    });
    assert!(agent.stop().success());
}

#[test]
fn a_device_that_somebody_keeps_is_not_waited_for_for_ever() {
    let home = init();
    let held = File::options().write(true).open(home.path().join("device.state.lock")).unwrap();
    held.lock().unwrap();
    let command = spawn(&home, &["key", "list"]);
    match home.start() {
        Started::Ended(status, says) => {
            assert_eq!(status.code(), Some(10), "{says}");
            assert!(says.contains("another process keeps"), "{says}");
        }
        Started::Ready(_) => panic!("two processes run one device"),
    }
    Ended(command.wait_with_output().unwrap()).fails(10, "another process keeps");
    drop(held);
    home.run(&["key", "list"]).ok();
}

#[test]
fn an_address_of_somebody_else_is_not_asked() {
    let home = init();
    // A port that somebody else has taken since: nobody may talk to it.
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let address = home.path().join("device.address");
    std::fs::write(&address, format!("{}\n", stranger.local_addr().unwrap())).unwrap();
    home.run(&["key", "list"]).ok();
    assert_eq!(stranger.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(!address.exists());
}

#[test]
fn the_factorys_key_is_gone_and_the_homes_own_opens() {
    let home = init();
    let agent = home.serve();
    let at = listening(&home);
    assert!(at.ip().is_loopback());
    let password =
        |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap().trim_end().to_owned();
    assert!(!opens(at, 1, "password"), "whom nobody has told anything");
    for id in 1..20 {
        assert!(!opens(at, id, "password"), "{id}");
    }
    assert!(opens(at, 2, &password("provision")), "the client could have said yes");
    assert!(!opens(at, 2, &password("pin")));
    assert!(agent.stop().success());
}

#[test]
fn a_persons_home_has_a_device_too() {
    let home = Home::new(programs!());
    let args = ["init", "--simulated", "--approver", "anna", "--administrator", "anna", "--json"];
    let made = home.run(&args).json();
    for office in ["approver", "administrator"] {
        assert!(made[office].as_str().unwrap().starts_with("p256:"), "{made}");
    }
    let keys = home.run(&["key", "list", "--json"]).json();
    let roles: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["administrator", "approver"]);
    home.run(&["key", "attest", "approver"]).ok();
    assert_eq!(home.run(&args).json()["existed"], true);
    assert_eq!(home.run(&["key", "list", "--json"]).json(), keys);
}

#[test]
fn where_real_money_is_paid_it_does_not_serve() {
    let home = init();
    home.edit("config.toml", "# production = true", "production = true");
    match home.start() {
        Started::Ended(status, says) => {
            assert_eq!(status.code(), Some(4), "{says}");
            assert!(says.contains("simulator") && says.contains("production = true"), "{says}");
        }
        Started::Ready(agent) => panic!("{}", agent.log()),
    }
}

#[test]
fn a_damaged_device_is_left_as_it_is() {
    let home = init();
    let state = home.path().join("device.state");
    let whole = std::fs::read(&state).unwrap();
    let middle = whole.len() / 2;
    let mut bent = whole.clone();
    bent[middle] ^= 1;
    let other = [b"firmware-sim state 99 ", &whole[22..]].concat();
    let cases = [
        (bent.as_slice(), "damaged"),
        (&whole[..middle], "damaged"),
        (b"", "is damaged"),
        (b"diary", "is not of this version"),
        (other.as_slice(), "is not of this version"),
    ];
    for (content, says) in cases {
        std::fs::write(&state, content).unwrap();
        let command = home.run(&["key", "list"]);
        command.fails(4, says);
        command.fails(4, "put a copy of it back");
        let (status, printed) = match home.start() {
            Started::Ended(status, printed) => (status, printed),
            Started::Ready(agent) => panic!("{}", agent.log()),
        };
        assert_eq!(status.code(), Some(4), "{printed}");
        assert!(printed.contains(says) && printed.contains("put a copy of it back"), "{printed}");
        assert_eq!(std::fs::read(&state).unwrap(), content, "{says}");
    }
    // Nor is another made in its place, whose keys would be others.
    std::fs::remove_file(&state).unwrap();
    home.run(&["key", "list"]).fails(4, "is missing");
    home.run(&["key", "generate", "new", "--algorithm", "ed25519", "--account", "new"])
        .fails(4, "is missing");
    assert!(matches!(home.start(), Started::Ended(status, _) if status.code() == Some(4)));
    assert!(!state.exists());
    std::fs::write(&state, whole).unwrap();
    home.run(&["key", "list"]).ok();
}

#[test]
fn another_user_gets_nothing_of_it() {
    assert!(rustix::process::geteuid().is_root(), "needs root, to be two users");
    let home = init();
    let before = snapshot(&home.path());
    // The program where nobody is kept from it; the folder that holds the home is open to all, as /srv is.
    let program = home.scratch().join("bursar");
    std::fs::copy(programs!().bursar, &program).unwrap();
    std::fs::set_permissions(home.scratch(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    let ended = Ended(command.args(["key", "list", "--home"]).arg(home.path()).output().unwrap());
    ended.fails(3, "belongs to the user with id 0");
    assert_eq!(snapshot(&home.path()), before);
    let mode = |name: &str| std::fs::metadata(home.path().join(name)).unwrap().mode() & 0o777;
    for name in ["device.state", "device.state.lock", "pin", "provision"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let agent = home.serve();
    assert_eq!(mode("device.address"), 0o600);
    assert!(agent.stop().success());
}

fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}
