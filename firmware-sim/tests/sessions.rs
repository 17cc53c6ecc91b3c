//! Sessions and authentication keys, with a client that others wrote.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use firmware_sim::fault::Fault;
use firmware_sim::simulator::Settings;
use support::{Bench, api, chain, connect, signs};
use yubihsm::{Capability, Client, Connector, Credentials, Domain, HttpConfig, authentication, object};

const INVALID_SESSION: [u8; 4] = [0x7f, 0, 1, 0x03];

fn with_password(bench: &Bench, password: &[u8]) -> Client {
    let address = bench.simulator.address();
    let config = HttpConfig { addr: address.ip().to_string(), port: address.port(), ..HttpConfig::default() };
    let credentials = Credentials::new(1, authentication::Key::derive_from_password(password));
    Client::create(Connector::http(&config), credentials).unwrap()
}

#[test]
fn a_session_that_is_open_or_was_never_begun_cannot_be_authenticated_and_goes_on() {
    let bench = Bench::new();
    let (client, key) = bench.signer(1);
    let mut stream = connect(bench.simulator.address());
    let open = client.session().unwrap().id().to_u8();
    for session in [open, open + 1, 15, 16, 0xff] {
        let message = [&[0x04, 0, 17, session][..], &[0; 16]].concat();
        assert_eq!(api(&mut stream, &message).1, INVALID_SESSION, "{session}");
    }
    assert!(signs(&client, 1, &key).unwrap());
    // A message of a session that was begun and is not authenticated is none's either.
    let begun = api(&mut stream, &[&[0x03, 0, 10, 0, 1][..], &[0; 8]].concat()).1;
    let message = [&[0x05, 0, 25, begun[3]][..], &[0; 24]].concat();
    assert_eq!(api(&mut stream, &message).1, INVALID_SESSION);
    assert!(signs(&client, 1, &key).unwrap());
}

#[test]
fn a_session_outlives_its_authentication_key_and_the_last_key_leaves_a_device_that_nobody_opens() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { state: Some(folder.path().join("device.json")), ..Settings::default() };
    let bench = Bench::with(settings.clone());
    let (client, key) = bench.signer(1);
    client.delete_object(1, object::Type::AuthenticationKey).unwrap();
    // What it may do was settled when it began.
    assert!(signs(&client, 1, &key).unwrap());
    let refused = |bench: &Bench| chain(&bench.client().connect().unwrap_err());
    assert!(refused(&bench).contains("auth key not found"), "{}", refused(&bench));
    drop(client);
    bench.inject(Fault::Unplug);
    bench.inject(Fault::Replug);
    assert!(refused(&bench).contains("auth key not found"), "{}", refused(&bench));
    bench.stop();
    let bench = Bench::with(settings);
    assert!(refused(&bench).contains("auth key not found"), "{}", refused(&bench));
}

#[test]
fn another_authentication_key_of_the_same_id_counts_for_sessions_that_begin_after_it() {
    let bench = Bench::new();
    let (old, key) = bench.signer(1);
    let other = bench.client();
    other.connect().unwrap();
    let label = object::Label::from_bytes(b"new").unwrap();
    let new = authentication::Key::derive_from_password(b"new password");
    let (capabilities, algorithm) = (Capability::SIGN_EDDSA, authentication::Algorithm::default());
    other.delete_object(1, object::Type::AuthenticationKey).unwrap();
    other.put_authentication_key(1, label, Domain::DOM1, capabilities, capabilities, algorithm, new).unwrap();
    for client in [&old, &other] {
        assert!(signs(client, 1, &key).unwrap());
        assert!(client.get_storage_info().is_ok());
    }
    // Each still may what the old key could, the new one only what it can itself.
    assert!(old.get_pseudo_random(8).is_ok());
    assert!(with_password(&bench, b"password").connect().is_err());
    let client = with_password(&bench, b"new password");
    assert!(signs(&client, 1, &key).unwrap());
    let error = client.get_pseudo_random(8).unwrap_err();
    assert!(chain(&error).contains("insufficient permissions"), "{}", chain(&error));
}
