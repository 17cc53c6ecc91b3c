//! A home on a YubiHSM, from its making to its payments, against the simulated device: real HTTP, real
//! sessions, the real program.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod yubihsm {
    pub mod attestation;
    pub mod device;
    pub mod home;
}

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ::yubihsm::asymmetric::Algorithm;
use ::yubihsm::audit::AuditOption;
use ::yubihsm::command::Code;
use ::yubihsm::device::ErrorKind as Said;
use ::yubihsm::object::Type;
use ::yubihsm::{Capability, Domain};
use firmware_sim::fault::Fault;
use firmware_sim::firmware::Firmware;
use serde_json::Value;
use sha2::{Digest, Sha256};

use yubihsm::attestation::{Attested, authority, read, write_pem};
use yubihsm::device::Device;
use yubihsm::home::Home;

#[test]
fn it_pays_is_stopped_and_pays_again() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    let made = home.made.to_string();
    assert!(made.contains("simulator") && made.contains("authentication key 1"), "{made}");
    home.serve();
    assert_eq!(home.pay("one", "20.00")["state"], "recorded");
    home.run(&["stop"]).ok();
    home.serve();
    assert_eq!(home.pay("one", "20.00")["state"], "recorded", "the same payment");
    assert_eq!(home.pay("two", "5.00")["state"], "recorded");
    let keys = home.run(&["key", "list"]).ok_text();
    assert!(keys.contains("SIMULATOR") && keys.contains("0007550054") && keys.contains("2.5.0"), "{keys}");
    let status = home.run(&["status", "--json"]).ok();
    assert_eq!(
        (&status["device"]["simulator"], &status["device"]["kind"]),
        (&true.into(), &"yubi-hsm".into())
    );
    assert!(home.run(&["status"]).ok_text().contains("SIMULATOR"));
    home.run(&["stop"]).ok();
    let verified = home.run(&["audit", "verify"]).ok_text();
    assert!(!verified.is_empty());
}

#[test]
fn init_goes_on_where_it_was_interrupted() {
    let device = Device::new(Firmware::V2_5);
    let travel = ["--account", "travel"];
    let home = Home::make(&device, &travel);
    let first = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    // Everything but the configuration, which is written last.
    std::fs::remove_file(home.path().join("config.toml")).unwrap();
    let again = home.init(&device, &travel).ok();
    assert_eq!(again["generated"], serde_json::json!([]));
    let second = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    assert_eq!(first, second, "the same authentication key, the same book");
    assert_eq!(
        device.factory().list_objects(&[]).unwrap().len(),
        2 + 5,
        "two authentication keys, five keys"
    );
    // A second home on the same device has an authentication key of its own, and cannot take a key for
    // another role.
    let other = Home::new();
    other.init(&device, &["--account", "node2=audit"]).fails(6, "each role needs a key of its own");
    other.init(&device, &["--audit", "travel"]).fails(6, "one role in all homes");
    assert!(other.init(&device, &[]).ok().to_string().contains("keep-log = false"));
}

#[test]
fn a_wrong_password_is_tried_once() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    let path = home.path().join("pin");
    let right = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, right.replace(|c: char| c.is_ascii_hexdigit(), "0")).unwrap();
    home.run(&["serve", "--background"]).fails(5, "another");
    std::fs::write(&path, right).unwrap();
    home.run(&["serve", "--background"]).fails(5, "--retry-pin");
    home.run(&["key", "list"]).fails(5, "--retry-pin");
    home.run(&["key", "list", "--retry-pin"]).ok_text();
    home.serve();
}

#[test]
fn the_homes_own_authentication_key_can_do_the_least() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    let (id, password) = home.credentials();
    let own = device.client(id, password.as_bytes());
    let label = || "x".parse().unwrap();
    let refused = [
        own.generate_asymmetric_key(0, label(), Domain::DOM1, Capability::SIGN_EDDSA, Algorithm::Ed25519)
            .map(|_| ()),
        own.put_asymmetric_key(0, label(), Domain::DOM1, Capability::SIGN_EDDSA, Algorithm::Ed25519, [1; 32])
            .map(|_| ()),
        own.put_authentication_key(
            0,
            label(),
            Domain::DOM1,
            Capability::SIGN_EDDSA,
            Capability::empty(),
            ::yubihsm::authentication::Algorithm::YubicoAes,
            ::yubihsm::authentication::Key::random(),
        )
        .map(|_| ()),
        own.delete_object(device.key("expenses"), Type::AsymmetricKey),
        own.set_force_audit_option(AuditOption::On),
        own.get_pseudo_random(8).map(|_| ()),
    ];
    for (at, refused) in refused.into_iter().enumerate() {
        assert_eq!(refused.unwrap_err().device_error(), Some(Said::InsufficientPermissions), "{at}");
    }
    // A key of a role that the home does not have is not even seen.
    let factory = device.factory();
    let approver = factory
        .generate_asymmetric_key(0, label(), Domain::DOM4, Capability::SIGN_EDDSA, Algorithm::Ed25519)
        .unwrap();
    assert_eq!(
        own.sign_ed25519(approver, b"x".as_slice()).unwrap_err().device_error(),
        Some(Said::ObjectNotFound)
    );
    assert!(own.list_objects(&[]).unwrap().iter().all(|entry| entry.object_id != approver));
    // Its own keys are exportable under no wrap key.
    let info = own.get_object_info(device.key("expenses"), Type::AsymmetricKey).unwrap();
    assert_eq!((info.capabilities, info.domains), (Capability::SIGN_EDDSA, Domain::DOM1));
}

#[test]
fn keys_are_made_with_the_provisioning_key_only() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    let generate = |more: &[&str]| {
        let args =
            [&["key", "generate", "travel", "--algorithm", "ed25519", "--account", "travel"], more].concat();
        home.run(&args)
    };
    generate(&[]).fails(5, "terminal");
    generate(&["--provision-file", home.factory_file()]).ok_text();
    let keys = home.run(&["key", "list"]).ok_text();
    assert!(keys.contains("account travel"), "{keys}");
    let long = "x".repeat(41);
    let args = ["key", "generate", &long, "--algorithm", "ed25519", "--account", "long"];
    home.run(&[&args[..], &["--provision-file", home.factory_file()]].concat()).fails(6, "1 to 40 bytes");
    let args = ["key", "generate", "anna", "--algorithm", "ed25519", "--role", "approver"];
    home.run(&[&args[..], &["--provision-file", home.factory_file()]].concat()).fails(4, "is none of them");
    let args = ["key", "generate", "none", "--algorithm", "ed25519"];
    home.run(&[&args[..], &["--provision-file", home.factory_file()]].concat()).fails(4, "for a role");
}

#[test]
fn the_device_attests_what_it_made_and_others_verify_that() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &["--account", "travel"]);
    for (label, domains) in [("expenses", 1), ("audit", 1 << 1), ("node", 1 << 2), ("administrator", 1 << 4)]
    {
        let answer = home.run(&["key", "attest", label, "--json"]).ok();
        let file = home.path().join(format!("attestations/{label}.pem"));
        assert_eq!(answer["file"], file.to_str().unwrap());
        assert_eq!((&answer["authority"], &answer["simulator"]), (&Value::Null, &true.into()));
        let public = home.run(&["key", "show", label, "--format", "pem"]).ok_text();
        let said = Attested {
            serial: 7_550_054,
            firmware: vec![2, 5, 0],
            origin: 1,
            domains,
            capabilities: Capability::SIGN_EDDSA.bits(),
            id: device.key(label),
            label: label.to_owned(),
            public,
        };
        assert_eq!(read(&file).unwrap(), said);
        assert_eq!(answer["id"], said.id);
    }
    let text = home.run(&["key", "attest", "expenses"]).ok_text();
    assert!(text.contains("nobody") && text.contains("The device is a simulator"), "{text}");
    // What the oracle takes, it could also refuse.
    let file = home.path().join("attestations/expenses.pem");
    let text = std::fs::read_to_string(&file).unwrap();
    let other = std::fs::read_to_string(home.path().join("attestations/audit.pem")).unwrap();
    let last = |text: &str| text.rfind("-----BEGIN").unwrap();
    std::fs::write(&file, [&text[..last(&text)], &other[..last(&other)]].concat()).unwrap();
    assert!(read(&file).unwrap_err().contains("ssue"), "the audit key's certificate vouches for nothing");
}

#[test]
fn nobody_vouches_for_a_simulator() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    let folder = home.path();
    let kept = folder.join("attestations");
    let attest = |root: &std::path::Path| {
        home.run(&["key", "attest", "expenses", "--json", "--root", root.to_str().unwrap()])
    };
    let wrong = authority(&folder);
    attest(&wrong).fails(12, "vouches for the device's certificate");
    // Read by a client of others. It is no authority's: whatever answers could vouch for itself.
    let own = write_pem(&folder, "device.pem", &device.factory().get_opaque(0).unwrap());
    attest(&own).fails(12, "vouches for the device's certificate");
    assert!(!kept.exists(), "nothing is kept that was not verified");
    home.run(&["key", "attest", "expenses"]).ok_text();
    attest(&kept.join("expenses.pem")).fails(12, "vouches for the device's certificate");
    std::fs::write(&wrong, "no certificate").unwrap();
    attest(&wrong).fails(2, "there is none in it");
    attest(&folder.join("nowhere.pem")).fails(14, "nowhere.pem");
}

#[test]
fn a_key_that_came_from_elsewhere_is_attested_to_nobody() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    let factory = device.factory();
    let put = |label: &str, algorithm, capability| {
        let label = label.parse().unwrap();
        factory.put_asymmetric_key(0, label, Domain::DOM1, capability, algorithm, [1; 32]).unwrap()
    };
    put("imported", Algorithm::Ed25519, Capability::SIGN_EDDSA);
    put("p256", Algorithm::EcP256, Capability::SIGN_ECDSA);
    for label in ["imported", "p256"] {
        home.run(&["key", "attest", label]).fails(12, "does not say that the key was made in the device");
    }
    home.run(&["key", "attest", "nobody"]).fails(6, "no key \"nobody\"");
    assert!(!home.path().join("attestations").exists());
}

#[test]
fn a_key_that_can_be_exported_is_not_attested() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    home.run(&["key", "attest", "expenses"]).ok_text();
    let may = Capability::SIGN_EDDSA | Capability::EXPORTABLE_UNDER_WRAP;
    let label = "out".parse().unwrap();
    device.factory().generate_asymmetric_key(0, label, Domain::DOM1, may, Algorithm::Ed25519).unwrap();
    home.run(&["key", "attest", "out"]).fails(12, "can export this key");
}

#[test]
fn a_key_that_homes_of_two_roles_reach_is_taken_for_neither() {
    let device = Device::new(Firmware::V2_5);
    let (label, domains) = ("both".parse().unwrap(), Domain::DOM1 | Domain::DOM4);
    let may = Capability::SIGN_EDDSA;
    device.factory().generate_asymmetric_key(0, label, domains, may, Algorithm::Ed25519).unwrap();
    Home::new().init(&device, &["--account", "travel=both"]).fails(6, "one role in all homes");
}

#[test]
fn a_production_home_refuses_a_simulator() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    home.edit("# production = true", "production = true");
    home.run(&["serve", "--background"]).fails(4, "simulator");
}

#[test]
fn ecdsa_is_refused_on_firmware_that_gives_keys_away() {
    for (firmware, refused) in [(Firmware::V2_3_1, true), (Firmware(2, 3, 9), true), (Firmware::V2_4, false)]
    {
        let device = Device::new(firmware);
        let home = Home::new();
        let made = home.init(&device, &["--algorithm", "secp256k1"]);
        if refused {
            made.fails(4, "CVE-2024-45678");
            home.init(&device, &["--algorithm", "secp256k1", "--allow-vulnerable-ecdsa"]).ok();
            home.edit("allow-vulnerable-ecdsa = true", "allow-vulnerable-ecdsa = false");
        } else {
            made.ok();
        }
        home.allow_payments();
        home.serve();
        let paid = home.pay("one", "1.00");
        assert_eq!(paid["state"] == "recorded", !refused, "{firmware}: {paid}");
    }
}

#[test]
fn a_device_that_was_gone_is_found_again() {
    let mut device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    home.serve();
    assert_eq!(home.pay("one", "1.00")["state"], "recorded");
    device.fault(Fault::Unplug);
    home.ask("two", "1.00").fails(15, "plug it in");
    device.fault(Fault::Replug);
    assert_eq!(home.pay("two", "1.00")["state"], "recorded", "the same payment, and only once");
    // Plugged in again between two payments, which the session does not survive.
    device.fault(Fault::Unplug);
    device.fault(Fault::Replug);
    assert_eq!(home.pay("three", "1.00")["state"], "recorded");
    device.fault(Fault::AdvanceClock(Duration::from_secs(31)));
    assert_eq!(home.pay("four", "1.00")["state"], "recorded", "the session had expired");
    // Another device in its place is not logged in to.
    let other = device.other_in_its_place();
    home.ask("five", "1.00").fails(15, "serial number");
    drop(other);
}

#[test]
fn an_answer_that_went_wrong_is_asked_for_once_more() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    home.serve();
    for (key, fault) in [("one", Fault::WrongMac(1)), ("two", Fault::DropAnswer(1))] {
        device.fault(fault);
        assert_eq!(home.pay(key, "1.00")["state"], "recorded", "{fault:?}");
    }
    home.run(&["stop"]).ok();
    let ledger = home.run(&["ledger", "show", "--json"]).ok().to_string();
    assert!(ledger.contains("998"), "each was paid once: {ledger}");
    // Every place for a session is taken: said, and no PIN is marked as refused.
    device.fault(Fault::FillSessions);
    home.run(&["serve", "--background"]).fails(10, "wait 30 s");
    device.fault(Fault::AdvanceClock(Duration::from_secs(31)));
    home.serve();
}

#[test]
fn a_wrong_signature_does_not_leave() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    home.serve();
    device.fault(Fault::WrongSignature(1));
    home.ask("one", "1.00").fails(15, "wrong signature");
    home.ask("one", "1.00").fails(15, "quarantined");
    home.run(&["stop"]);
    home.serve();
    assert_eq!(home.pay("one", "1.00")["state"], "recorded");
}

#[test]
fn a_device_that_hangs_does_not_hang_the_agent() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    home.serve();
    assert_eq!(home.pay("one", "1.00")["state"], "recorded");
    device.fault(Fault::Hang);
    home.ask("two", "1.00").fails(15, "did not answer in time");
    home.run(&["status"]).fails(4, "in trouble");
    device.fault(Fault::Release);
    assert_eq!(home.pay("two", "1.00")["state"], "recorded", "the same payment, and only once");
}

#[test]
fn the_anchor_outlives_a_power_cut() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    home.serve();
    assert_eq!(home.pay("one", "1.00")["state"], "recorded");
    // The stop writes the anchor, and the power goes in the middle of it.
    device.fault(Fault::CutPower);
    home.run(&["stop"]);
    home.serve();
    assert_eq!(home.pay("two", "1.00")["state"], "recorded");
    device.fault(Fault::FillFlash);
    home.run(&["stop"]);
    device.fault(Fault::FreeFlash);
    home.serve();
}

#[test]
fn a_log_that_is_full_is_taken_over_and_the_payment_goes_on() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    device.factory().set_command_audit_option(Code::SignEddsa, AuditOption::On).unwrap();
    home.serve();
    device.fault(Fault::FillLog);
    assert_eq!(home.pay("one", "1.00")["state"], "recorded");
    assert!(home.path().join("device-log.jsonl").exists());
}

#[test]
fn the_devices_log_is_taken_over_before_it_is_full() {
    let device = Device::new(Firmware::V2_5);
    let home = Home::make(&device, &[]);
    let factory = device.factory();
    factory.set_command_audit_option(Code::SignEddsa, AuditOption::On).unwrap();
    factory.set_command_audit_option(Code::GetOpaqueObject, AuditOption::On).unwrap();
    factory.set_force_audit_option(AuditOption::On).unwrap();
    home.serve();
    let rows: String = (0..150).map(|n| format!("P-{n},expenses,Fresh Market,0.01,EUR\n")).collect();
    let batch = home.path().join("../batch.csv");
    std::fs::write(&batch, format!("id,from,to,amount,asset\n{rows}")).unwrap();
    home.run(&["pay", "--batch", batch.to_str().unwrap()]).ok_text();
    home.run(&["stop"]).ok();
    let text = std::fs::read_to_string(home.path().join("device-log.jsonl")).unwrap();
    let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.len() > 100, "{}", entries.len());
    let hex = |value: &Value| data_encoding::HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap();
    for pair in entries.windows(2) {
        assert_eq!(pair[1]["item"].as_u64(), pair[0]["item"].as_u64().map(|item| item + 1));
        let digest = Sha256::new()
            .chain_update(hex(&pair[1]["entry"]))
            .chain_update(hex(&pair[0]["digest"]))
            .finalize();
        assert_eq!(hex(&pair[1]["digest"]), digest[..16], "Yubico's chain: {}", pair[1]);
    }
    assert!(!home.path().join("device-log-broken").exists());
    // Somebody else takes entries over: the agent says so, and goes on.
    let taken = factory.get_log_entries().unwrap().entries;
    for _ in 0..2 {
        factory.sign_ed25519(device.key("expenses"), b"x".as_slice()).unwrap();
    }
    let last = factory.get_log_entries().unwrap().entries.last().unwrap().item;
    assert!(last > taken.last().map_or(0, |entry| entry.item));
    factory.set_log_index(last).unwrap();
    home.serve();
    std::fs::write(&batch, format!("id,from,to,amount,asset\n{}", rows.replace("P-", "Q-"))).unwrap();
    home.run(&["pay", "--batch", batch.to_str().unwrap()]).ok_text();
    assert!(home.path().join("device-log-broken").exists());
    let status = home.run(&["status"]).ok_text();
    assert!(status.contains("audit log is not whole"), "{status}");
}

/// Answers every connection with the status of a connector, and commands with what this writes.
fn pretend(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut request = [0; 4096];
                let read = socket.read(&mut request)?;
                if request[..read].starts_with(b"GET") {
                    return socket.write_all(b"HTTP/1.1 200 OK\r\n\r\nstatus=OK\nversion=3.0.7\n");
                }
                answer(&mut socket)
            });
        }
    });
    address
}

#[test]
fn a_connector_that_trickles_does_not_hold_up_whoever_opens_the_device() {
    let home = Home::new();
    // Each byte comes before the crate's own patience of 20 s for the next one ends.
    let address = pretend(|socket| {
        (0..40).try_for_each(|_| {
            std::thread::sleep(Duration::from_secs(1));
            socket.write_all(b"x")
        })
    });
    home.init_at(&address, &[]).fails(4, "did not answer in time");
}

#[test]
fn what_is_no_connector_is_said_to_be_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let home = Home::new();
    home.init_at(&address, &[]).fails(4, "does not answer");
    home.init_at("http://192.0.2.1:1", &[]).fails(2, "--yubihsm-remote");
    home.init_at("https://127.0.0.1:1", &[]).fails(2, "TLS");
    assert!(!home.path().join("config.toml").exists());
}
