//! The state file: what it outlives, and what of it is refused and left as it was.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;
mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use firmware_sim::fault::Fault;
use firmware_sim::simulator::{Settings, Simulator, StartError};
use firmware_sim::state::StateError;
use program::Running;
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{Bench, generate, public, signs};
use tempfile::TempDir;

/// The program on this state file.
fn start(state: &Path) -> Running {
    Running::start(&["--state", state.to_str().unwrap()])
}

fn settings(state: &Path) -> Settings {
    Settings { state: Some(state.to_owned()), ..Settings::default() }
}

fn refused(state: &Path) -> StateError {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(Simulator::start(settings(state))) {
        Err(StartError::State(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A folder with the state of a device that has key 1.
fn made() -> (TempDir, std::path::PathBuf, ed25519_dalek::VerifyingKey) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("device.json");
    let bench = Bench::with(settings(&state));
    let (_, key) = bench.signer(1);
    bench.stop();
    (folder, state, key)
}

#[test]
fn every_acknowledged_key_outlives_kill_9_and_none_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("device.json");
    let mut known = Vec::new();
    for round in 0..6_u16 {
        let mut program = start(&state);
        let (acknowledged, keys) = mpsc::channel();
        let address = program.address();
        let burst = thread::spawn(move || {
            let client = support::client(address);
            for id in (1 + round * 30)..(31 + round * 30) {
                match generate(&client, id) {
                    Ok(key) => acknowledged.send((id, key)).unwrap(),
                    Err(_) => return,
                }
            }
        });
        // Another moment of a write in each round.
        for _ in 0..=(round * 3) {
            known.push(keys.recv().unwrap());
        }
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        burst.join().unwrap();
        known.extend(keys.try_iter());

        let program = start(&state);
        let client = support::client(program.address());
        for (id, key) in &known {
            assert_eq!(public(&client, *id).unwrap(), *key, "round {round}, key {id}");
        }
        // At most one more for each kill: whose answer was on its way.
        let there = client.list_objects(&[]).unwrap();
        let extra = there.len() - 1 - known.len();
        assert!(extra <= usize::from(round) + 1, "round {round}: {extra} more");
        for object in there.iter().filter(|object| object.object_id > 0) {
            if object.object_type == yubihsm::object::Type::AsymmetricKey {
                let key = public(&client, object.object_id).unwrap();
                assert!(signs(&client, object.object_id, &key).unwrap(), "round {round}");
            }
        }
    }
}

#[test]
fn what_is_damaged_or_of_another_version_is_refused_and_left_as_it_was() {
    let (_folder, state, key) = made();
    let whole = fs::read(&state).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut cases = vec![
        ("empty", Vec::new()),
        ("longer", [&whole[..], b"x"].concat()),
        ("too long", vec![b' '; 17 << 20]),
        ("not one", b"{}".to_vec()),
        ("version 2", [b"firmware-sim state 2 ", &whole[21..]].concat()),
        ("digest only", whole[..86].to_vec()),
    ];
    cases.extend((1..whole.len()).step_by(whole.len() / 50 + 1).map(|at| ("cut", whole[..at].to_vec())));
    cases.extend((0..whole.len()).step_by(whole.len() / 50 + 1).map(|at| ("flipped", flipped(at))));
    for (what, bytes) in cases {
        fs::write(&state, &bytes).unwrap();
        let error = refused(&state);
        assert!(matches!(error, StateError::Damaged { .. } | StateError::OtherVersion(_)), "{what}: {error}");
        assert!(error.to_string().contains("move it away"), "{what}: {error}");
        assert!(fs::read(&state).unwrap() == bytes, "{what}");
    }
    fs::write(&state, whole).unwrap();
    let bench = Bench::with(settings(&state));
    assert_eq!(public(&bench.client(), 1).unwrap(), key);
}

/// The state with this change, under the right digest.
fn changed(state: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let end = state.iter().position(|byte| *byte == b'\n').unwrap();
    let mut json: Value = serde_json::from_slice(&state[end + 1..]).unwrap();
    change(&mut json);
    let json = serde_json::to_vec(&json).unwrap();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&json));
    [format!("firmware-sim state 1 {digest}\n").as_bytes(), &json].concat()
}

#[test]
fn what_no_device_could_hold_is_refused_at_the_start_and_named() {
    let (_folder, state, key) = made();
    let whole = fs::read(&state).unwrap();
    let cut = |hex: &Value| Value::from(&hex.as_str().unwrap()[2..]);
    let flipped = |hex: &Value, at: usize| {
        let mut bytes = data_encoding::HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap();
        bytes[at] ^= 1;
        Value::from(data_encoding::HEXLOWER.encode(&bytes))
    };
    // Objects: 0 is the factory's authentication key, 1 the Ed25519 key 1.
    let object = |index: usize, field: &'static str, value: Value| {
        changed(&whole, |json| json["memory"]["store"]["objects"][index][field] = value)
    };
    let json: Value =
        serde_json::from_slice(&whole[whole.iter().position(|byte| *byte == b'\n').unwrap() + 1..]).unwrap();
    let memory = &json["memory"];
    let body = |index: usize| &memory["store"]["objects"][index]["body"];
    let long = |hex: &Value| Value::from(format!("{}00", hex.as_str().unwrap()));
    let mut cases = vec![
        ("AuthenticationKey 0x0001", object(0, "body", cut(body(0)))),
        ("AuthenticationKey 0x0001", object(0, "body", long(body(0)))),
        ("AuthenticationKey 0x0001", object(0, "body", "".into())),
        // A point of 64 bytes, then one of which only the length is right.
        ("AuthenticationKey 0x0001", object(0, "algorithm", 49.into())),
        (
            "AuthenticationKey 0x0001",
            changed(&whole, |json| {
                json["memory"]["store"]["objects"][0]["algorithm"] = 49.into();
                json["memory"]["store"]["objects"][0]["body"] = "07".repeat(64).into();
            }),
        ),
        ("AsymmetricKey 0x0001", object(1, "body", cut(body(1)))),
        ("AsymmetricKey 0x0001", object(1, "body", long(body(1)))),
        // The public key, the scalar, and the seed of another key.
        ("AsymmetricKey 0x0001", object(1, "body", flipped(body(1), 64))),
        ("AsymmetricKey 0x0001", object(1, "body", flipped(body(1), 20))),
        ("AsymmetricKey 0x0001", object(1, "body", flipped(body(1), 100))),
        ("AsymmetricKey 0x0001", object(1, "algorithm", 12.into())),
        ("AsymmetricKey 0x0001", object(1, "algorithm", 30.into())),
        ("WrapKey 0x0001", object(1, "kind", 4.into())),
        ("AsymmetricKey 0x0000", object(1, "id", 0.into())),
        ("AsymmetricKey 0xffff", object(1, "id", 0xffff.into())),
        ("in no domain", object(1, "domains", 0.into())),
        (
            "the firmware does not know",
            changed(&whole, |json| {
                json["profile"]["firmware"] = serde_json::json!([2, 0, 0]);
                json["memory"]["store"]["objects"][1]["kind"] = 8.into();
                json["memory"]["store"]["objects"][1]["algorithm"] = 50.into();
                json["memory"]["store"]["objects"][1]["body"] = "07".repeat(16).into();
            }),
        ),
        ("label", object(1, "label", "6b6579".into())),
        (
            "two objects",
            changed(&whole, |json| {
                let objects = json["memory"]["store"]["objects"].as_array_mut().unwrap();
                objects.push(objects[1].clone());
            }),
        ),
    ];
    for (what, field) in [("device's own key", "device_key"), ("attestation key", "attestation_key")] {
        let bytes = memory[field].as_str().unwrap().len() / 2;
        cases.push((what, changed(&whole, |json| json["memory"][field] = "00".repeat(bytes).into())));
        cases.push((what, changed(&whole, |json| json["memory"][field] = cut(&memory[field]))));
    }
    let entries = memory["log"]["entries"].as_array().unwrap();
    for at in [0, 2, 20, 31] {
        let entry = flipped(&entries[1], at);
        cases.push(("one chain", changed(&whole, |json| json["memory"]["log"]["entries"][1] = entry)));
    }
    for (what, bytes) in cases {
        fs::write(&state, &bytes).unwrap();
        let error = refused(&state);
        assert!(matches!(error, StateError::Damaged { .. }), "{what}: {error}");
        assert!(error.to_string().contains(what) || what == "label", "{what}: {error}");
        assert!(fs::read(&state).unwrap() == bytes, "{what}");
    }
    fs::write(&state, changed(&whole, |_| ())).unwrap();
    assert_eq!(public(&Bench::with(settings(&state)).client(), 1).unwrap(), key);
}

#[test]
fn one_in_use_is_refused_by_every_name_and_free_when_it_stops() {
    let (folder, state, key) = made();
    let link = folder.path().join("link.json");
    symlink(&state, &link).unwrap();
    let bench = Bench::with(settings(&state));
    // A client that is still there does not keep it.
    let client = bench.client();
    assert!(signs(&client, 1, &key).unwrap());
    for name in [&state, &link] {
        let error = refused(name);
        assert!(matches!(error, StateError::InUse(_)), "{error}");
        assert!(error.to_string().contains("stop that one"), "{error}");
    }
    bench.stop();
    let bench = Bench::with(settings(&link));
    let (_, new) = bench.signer(2);
    bench.stop();
    // The link still is one, and what was written is behind it.
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let bench = Bench::with(settings(&state));
    assert_eq!(public(&bench.client(), 2).unwrap(), new);
}

#[test]
fn stopping_frees_it_even_while_the_device_hangs() {
    let (_folder, state, key) = made();
    let bench = Bench::with(settings(&state));
    let client = bench.client();
    client.connect().unwrap();
    bench.inject(Fault::Hang);
    let asked = thread::spawn(move || signs(&client, 1, &key));
    bench.until(|condition| condition.waiting == 1);
    bench.stop();
    assert!(asked.join().unwrap().is_err());
    assert_eq!(public(&Bench::with(settings(&state)).client(), 1).unwrap(), key);
}

#[test]
fn what_is_no_file_is_refused_with_what_to_do_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, pipe) = (folder.path().join("directory"), folder.path().join("pipe"));
    let dangling = folder.path().join("dangling");
    fs::create_dir(&directory).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    symlink(folder.path().join("nothing"), &dangling).unwrap();
    for path in [&directory, &pipe, &dangling, &directory.join("..")] {
        let error = refused(path);
        assert!(matches!(error, StateError::NotAFile(_)), "{error}");
        assert!(error.to_string().contains("--state"), "{error}");
    }
    let error = refused(&folder.path().join("none").join("device.json"));
    assert!(matches!(error, StateError::Io { .. }) && error.to_string().contains("folder"), "{error}");
    assert!(directory.is_dir() && fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn only_its_owner_reads_it_whatever_was_there_before() {
    let (folder, state, key) = made();
    let others = folder.path().join("others");
    fs::write(&others, "theirs").unwrap();
    // A link and rights that somebody else has put there.
    symlink(&others, folder.path().join("device.json.new")).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o666)).unwrap();
    let bench = Bench::with(settings(&state));
    assert_eq!(public(&bench.client(), 1).unwrap(), key);
    assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&others).unwrap(), "theirs");
    // What a cut write left is nobody's state.
    fs::write(folder.path().join("device.json.new"), "half").unwrap();
    fs::set_permissions(folder.path().join("device.json.new"), fs::Permissions::from_mode(0o666)).unwrap();
    let new = generate(&bench.client(), 2).unwrap();
    bench.stop();
    assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o600);
    assert_eq!(public(&Bench::with(settings(&state)).client(), 2).unwrap(), new);
}

#[test]
fn one_that_cannot_be_written_any_more_fails_the_command_and_nothing_else() {
    let (folder, state, key) = made();
    let bench = Bench::with(settings(&state));
    let client = bench.client();
    // Nothing can be written beside it: a folder is in the way.
    fs::create_dir_all(folder.path().join("device.json.new").join("in the way")).unwrap();
    let error = generate(&client, 2).unwrap_err();
    assert!(support::chain(&error).contains("storage failed"), "{}", support::chain(&error));
    assert!(signs(&client, 1, &key).unwrap());
    fs::remove_dir_all(folder.path().join("device.json.new")).unwrap();
    assert!(generate(&client, 2).is_ok());
}

#[test]
fn the_program_says_why_it_does_not_start() {
    let (_folder, state, _) = made();
    fs::write(&state, "what").unwrap();
    let arguments = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_firmware-sim")).args(arguments).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, said) = arguments(&["--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()]);
    assert!(code == Some(1) && said.contains("move it away"), "{said}");
    let (code, said) = arguments(&["--listen", "0.0.0.0:0", "--control"]);
    assert!(code == Some(1) && said.contains("listen on 127.0.0.1"), "{said}");
    let (code, said) = arguments(&["--fault", "plug"]);
    assert!(code == Some(2) && said.contains("unplug"), "{said}");
}
