//! Every fault, as a client that others wrote sees it, and that the device is fine afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use firmware_sim::control::ControlError;
use firmware_sim::fault::Fault;
use firmware_sim::simulator::{Settings, Simulator, StartError};
use support::{Bench, chain, generate, get, post, public, signs};

const KEY: u16 = 7;
/// A frame that every device answers: an echo of one byte.
const ECHO: &str = "\x01\0\x01x";

#[test]
fn unplugged_it_is_gone_and_replugged_its_keys_are_there_and_its_sessions_not() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    assert!(bench.http(&get("/connector/status")).contains("status=OK\n"));
    let condition = bench.inject(Fault::Unplug);
    assert!(!condition.plugged && condition.sessions == 0, "{condition:?}");
    assert!(bench.http(&get("/connector/status")).contains("status=NO_DEVICE\n"));
    assert!(bench.http(&post("/connector/api", ECHO)).starts_with("HTTP/1.1 500"));
    let error = signs(&client, KEY, &key).unwrap_err();
    assert!(support::is_connector(&error), "{}", chain(&error));
    bench.client().connect().unwrap_err();

    bench.inject(Fault::Replug);
    assert!(bench.http(&get("/connector/status")).contains("status=OK\n"));
    let again = bench.client();
    assert_eq!(public(&again, KEY).unwrap(), key);
    assert!(signs(&again, KEY, &key).unwrap());
}

#[test]
fn what_waits_when_it_is_unplugged_gets_no_answer() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    bench.inject(Fault::Hang);
    let asked = thread::spawn(move || signs(&client, KEY, &key));
    bench.until(|condition| condition.waiting == 1);
    bench.inject(Fault::Unplug);
    asked.join().unwrap().unwrap_err();
    let refused = bench.runtime.block_on(bench.simulator.control().inject(Fault::Hang));
    assert_eq!(refused, Err(ControlError::Unplugged));
    let condition = bench.inject(Fault::Replug);
    assert!(condition.plugged && !condition.hung && condition.waiting == 0, "{condition:?}");
    assert!(signs(&bench.client(), KEY, &key).unwrap());
}

#[test]
fn while_it_hangs_nobody_is_answered_and_released_everybody_is() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    let other = bench.client();
    other.connect().unwrap();
    bench.inject(Fault::Hang);
    let asked = thread::spawn(move || signs(&client, KEY, &key));
    let echoed = thread::spawn(move || other.echo(b"there".as_slice()));
    bench.until(|condition| condition.waiting == 2);
    assert!(!asked.is_finished() && !echoed.is_finished());
    // The connector itself still lives.
    assert!(bench.http(&get("/connector/status")).contains("status=OK\n"));
    bench.inject(Fault::Release);
    assert!(asked.join().unwrap().unwrap());
    assert_eq!(echoed.join().unwrap().unwrap(), b"there");
}

#[test]
fn a_wrong_signature_comes_in_an_authentic_answer_and_only_as_often_as_asked() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    bench.inject(Fault::WrongSignature(2));
    // What signs nothing stays right, and does not count.
    assert_eq!(client.echo(b"there".as_slice()).unwrap(), b"there");
    let signed: Vec<_> = (0..4).map(|_| signs(&client, KEY, &key).unwrap()).collect();
    assert_eq!(signed, [false, false, true, true]);
}

#[test]
fn when_the_clock_goes_on_a_silent_session_is_over() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    assert_eq!(bench.inject(Fault::AdvanceClock(Duration::from_secs(29))).sessions, 1);
    assert!(signs(&client, KEY, &key).unwrap());
    assert_eq!(bench.inject(Fault::AdvanceClock(Duration::from_secs(31))).sessions, 0);
    let error = signs(&client, KEY, &key).unwrap_err();
    // This client does not tell the code.
    assert!(chain(&error).contains("HSM error (session: 0)"), "{}", chain(&error));
    assert!(signs(&bench.client(), KEY, &key).unwrap());
}

#[test]
fn a_full_flash_fails_writes_and_keeps_what_was_there() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    bench.inject(Fault::FillFlash);
    let error = generate(&client, KEY + 1).unwrap_err();
    assert!(chain(&error).contains("storage failed"), "{}", chain(&error));
    let error = client.delete_object(KEY, yubihsm::object::Type::AsymmetricKey).unwrap_err();
    assert!(chain(&error).contains("storage failed"), "{}", chain(&error));
    // Who writes nothing is served.
    assert!(signs(&client, KEY, &key).unwrap());
    let error = public(&client, KEY + 1).unwrap_err();
    assert!(chain(&error).contains("not found"), "{}", chain(&error));
    bench.inject(Fault::FreeFlash);
    let new = generate(&client, KEY + 1).unwrap();
    assert!(signs(&client, KEY + 1, &new).unwrap());
}

#[test]
fn a_full_log_that_is_kept_stops_what_is_audited_until_somebody_empties_it() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    let on = yubihsm::AuditOption::On;
    client.set_command_audit_option(yubihsm::command::Code::SignEddsa, on).unwrap();
    bench.inject(Fault::FillLog);
    let error = signs(&client, KEY, &key).unwrap_err();
    assert!(chain(&error).contains("log full"), "{}", chain(&error));
    let log = client.get_log_entries().unwrap();
    assert_eq!(log.entries.len(), 62);
    client.set_log_index(log.entries.last().unwrap().item).unwrap();
    assert!(signs(&client, KEY, &key).unwrap());
}

#[test]
fn with_every_session_taken_there_is_no_other_for_thirty_seconds() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    assert_eq!(bench.inject(Fault::FillSessions).sessions, 16);
    let error = bench.client().connect().unwrap_err();
    assert!(chain(&error).contains("sessions full"), "{}", chain(&error));
    // Who has one keeps it.
    assert!(signs(&client, KEY, &key).unwrap());
    bench.inject(Fault::AdvanceClock(Duration::from_secs(31)));
    assert!(signs(&bench.client(), KEY, &key).unwrap());
}

#[test]
fn a_wrong_mac_is_noticed_by_the_client() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    bench.inject(Fault::WrongMac(1));
    let error = signs(&client, KEY, &key).unwrap_err();
    assert!(chain(&error).to_lowercase().contains("mac"), "{}", chain(&error));
    assert!(signs(&bench.client(), KEY, &key).unwrap());
}

#[test]
fn a_connection_that_ends_in_the_middle_of_an_answer_leaves_the_command_carried_out() {
    let bench = Bench::new();
    let (client, key) = bench.signer(KEY);
    bench.inject(Fault::DropAnswer(1));
    let error = generate(&client, KEY + 1).unwrap_err();
    // This client takes what came for all.
    assert!(chain(&error).contains("unexpected response length"), "{}", chain(&error));
    let again = bench.client();
    assert!(signs(&again, KEY, &key).unwrap());
    let new = public(&again, KEY + 1).unwrap();
    assert!(signs(&again, KEY + 1, &new).unwrap());

    bench.inject(Fault::DropAnswer(1));
    let cut = bench.http(&post("/connector/api", ECHO));
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("content-length: 4"), "{head}");
    assert_eq!(body.chars().count(), 2, "{body:?}");
}

#[test]
fn power_that_goes_in_the_middle_of_a_write_leaves_the_memory_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { state: Some(folder.path().join("device.json")), ..Settings::default() };
    let bench = Bench::with(settings.clone());
    let (client, key) = bench.signer(KEY);
    bench.inject(Fault::CutPower);
    let error = generate(&client, KEY + 1).unwrap_err();
    assert!(support::is_connector(&error), "{}", chain(&error));
    // It started again by itself: the sessions are gone, and so is the key that was half written.
    assert_eq!(bench.simulator.control().condition().sessions, 0);
    let again = bench.client();
    assert!(public(&again, KEY + 1).is_err());
    assert!(signs(&again, KEY, &key).unwrap());

    // The same with a program that ends at once, and the half write still there.
    bench.inject(Fault::CutPower);
    assert!(generate(&again, KEY + 1).is_err());
    bench.stop();
    let bench = Bench::with(settings);
    assert!(public(&bench.client(), KEY + 1).is_err());
    assert!(signs(&bench.client(), KEY, &key).unwrap());
    assert!(generate(&bench.client(), KEY + 1).is_ok());
}

#[test]
fn faults_can_be_there_from_the_start() {
    let bench = Bench::with(Settings {
        faults: vec![Fault::WrongSignature(1), Fault::FillSessions],
        ..Settings::default()
    });
    assert!(bench.client().connect().is_err());
    bench.inject(Fault::AdvanceClock(Duration::from_secs(31)));
    let (client, key) = bench.signer(KEY);
    assert!(!signs(&client, KEY, &key).unwrap());
    assert!(signs(&client, KEY, &key).unwrap());
}

#[test]
fn with_timing_a_signature_takes_what_the_hardware_takes_and_blocks_the_others() {
    let bench = Bench::with(Settings { timing: true, ..Settings::default() });
    let (client, key) = bench.signer(KEY);
    let others: Vec<_> = (0..2)
        .map(|_| {
            let client = bench.client();
            client.connect().unwrap();
            client
        })
        .collect();
    let busy = bench.simulator.control().condition().busy;
    let began = Instant::now();
    let asked: Vec<_> = others
        .into_iter()
        .chain([client])
        .map(|client| thread::spawn(move || signs(&client, KEY, &key).unwrap()))
        .collect();
    assert!(asked.into_iter().all(|asked| asked.join().unwrap()));
    let three = Duration::from_millis(3 * 105);
    assert!(began.elapsed() >= three, "{:?}", began.elapsed());
    bench.until(|condition| condition.busy >= busy + three);
}

#[test]
fn the_endpoint_lets_faults_happen_and_says_what_is_wrong_with_a_request() {
    let bench = Bench::with(Settings { control: true, ..Settings::default() });
    let (client, key) = bench.signer(KEY);
    let told = bench.http(&post("/control/wrong-signature", r#"{"times": 1}"#));
    assert!(told.starts_with("HTTP/1.1 200") && told.contains(r#""plugged":true"#), "{told}");
    assert!(!signs(&client, KEY, &key).unwrap());
    assert!(signs(&client, KEY, &key).unwrap());
    assert!(bench.http(&post("/control/advance-clock", r#"{"seconds": 31}"#)).contains(r#""sessions":0"#));
    assert!(bench.http(&post("/control/unplug", "")).contains(r#""plugged":false"#));
    assert!(bench.http(&get("/control")).contains(r#""plugged":false"#));
    let refused = [
        (post("/control/hang", ""), "409", "replug it first"),
        (post("/control/plug", ""), "400", "there are: unplug, replug"),
        (post("/control/unplug", r#"{"times": 1}"#), "400", "takes no number"),
        (post("/control/advance-clock", ""), "400", "seconds"),
        (post("/control/wrong-mac", r#"{"times": -1}"#), "400", "times"),
        (post("/control/wrong-mac", r#"{"often": 1}"#), "400", "often"),
        (post("/control/wrong-mac", &" ".repeat(2000)), "400", "too long"),
        (get("/control/unplug"), "405", "POST"),
        (post("/control", ""), "405", "GET"),
        (post("/control/replug", "").replace("Host: x", "Host: x\r\nOrigin: http://x"), "403", "web page"),
        (post("/connector/api", "abc").replace("Host: x", "Host: x\r\nOrigin: http://x"), "403", "web page"),
    ];
    for (request, status, says) in refused {
        let answer = bench.http(&request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(says),
            "{request}\n{answer}"
        );
    }
    assert!(!bench.simulator.control().condition().plugged);
}

#[test]
fn there_is_no_endpoint_unless_asked_for_and_never_for_others() {
    let bench = Bench::new();
    let answer = bench.http(&post("/control/unplug", ""));
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("--control"), "{answer}");
    assert!(bench.simulator.control().condition().plugged);
    let settings = Settings { listen: ([0, 0, 0, 0], 0).into(), control: true, ..Settings::default() };
    let refused = bench.runtime.block_on(Simulator::start(settings)).unwrap_err();
    assert!(matches!(refused, StartError::ControlForOthers(_)), "{refused}");
    assert!(refused.to_string().contains("127.0.0.1"), "{refused}");
}
