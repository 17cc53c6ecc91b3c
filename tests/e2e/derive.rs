//! ECDH in both kinds of token, against the library p256.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use bursar::config::token::{Module, TokenPlace, YubiHsm};
use bursar::token::mark::Mark;
use bursar::token::pin::Pin;
use bursar::token::provision::{Algorithm, TokenUri};
use bursar::token::{Handle, Token};
use bursar_pkcs11::fixture::SoftHsm;
use bursar_tests::home::Ended;
use bursar_tests::hsm::Hsm;
use p256::elliptic_curve::sec1::ToSec1Point;

/// SEC 1: 04, x, y.
fn point(key: &p256::SecretKey) -> [u8; 65] {
    key.public_key().to_sec1_point(false).as_bytes().try_into().unwrap()
}

async fn agrees(token: &Token, key: &Handle) {
    let ours = p256::PublicKey::from_sec1_bytes(key.public().bytes()).unwrap();
    for seed in [[0x42; 32], [0x43; 32]] {
        let peer = p256::SecretKey::from_slice(&seed).unwrap();
        let expected = p256::ecdh::diffie_hellman(peer.to_nonzero_scalar(), ours.as_affine());
        let secret = token.derive(key, &point(&peer)).await.unwrap();
        assert_eq!(secret.as_slice(), expected.raw_secret_bytes().as_slice());
    }
}

async fn refuses(token: &Token, key: &Handle) {
    let mut bent = point(&p256::SecretKey::from_slice(&[0x42; 32]).unwrap());
    bent[64] ^= 1;
    let mut infinity = [0; 65];
    infinity[0] = 4;
    for point in [bent, infinity] {
        assert!(token.derive(key, &point).await.is_err());
    }
    // A key that signs does nothing else.
    let signs = token.generate_signing("signs", Some(Mark::Account), Algorithm::P256).await.unwrap();
    let peer = p256::SecretKey::from_slice(&[0x42; 32]).unwrap();
    assert!(token.derive(&signs, &point(&peer)).await.is_err());
}

#[test]
fn a_yubihsm_derives_what_the_other_side_derives() {
    let hsm = Hsm::start(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(on_yubihsm(&hsm));
}

async fn on_yubihsm(hsm: &Hsm) {
    let place = |auth_key| {
        TokenPlace::YubiHsm(YubiHsm {
            connector: hsm.url().parse().unwrap(),
            auth_key,
            serial: None,
            allow_vulnerable_ecdsa: false,
            keep_log: false,
        })
    };
    let factory = Token::open(&place(1), Pin::new("password".to_owned()), None).unwrap();
    let key = factory.generate_deriving("holder", Mark::Holder).await.unwrap();
    agrees(&factory, &key).await;
    refuses(&factory, &key).await;
    // With the authentication key of a home that has this role, and of one that does not have it.
    for (roles, reaches) in [(Mark::Holder, true), (Mark::Account, false)] {
        let password = Pin::new(format!("{roles:?}"));
        let own = factory.authorise(&[roles], &password).await.unwrap().auth_key;
        let token = Token::open(&place(own), password, None).unwrap();
        match token.find("holder").await {
            Ok(key) if reaches => agrees(&token, &key).await,
            found => assert!(!reaches && found.is_err(), "{found:?}"),
        }
    }
}

#[test]
fn a_pkcs11_token_derives_what_the_other_side_derives() {
    // SoftHSM finds its tokens by a variable, which only a new process can be given.
    const TOKEN: [&str; 2] = ["BURSAR_TEST_TOKEN", "BURSAR_TEST_TOKEN_PIN"];
    if let [Ok(label), Ok(pin)] = TOKEN.map(std::env::var) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(on_softhsm(&label, pin));
    }
    let hsm = SoftHsm::external();
    let mut inside = Command::new(std::env::current_exe().unwrap());
    inside.args(["--exact", "a_pkcs11_token_derives_what_the_other_side_derives", "--nocapture"]);
    inside.env("SOFTHSM2_CONF", hsm.conf()).envs(TOKEN.into_iter().zip([hsm.label(), hsm.pin()]));
    let text = Ended(inside.output().unwrap()).ok();
    assert!(text.contains("1 passed"), "{text}");
}

async fn on_softhsm(label: &str, pin: String) {
    let place = TokenPlace::Module(Module {
        module: bursar_pkcs11::fixture::softhsm_module(),
        uri: TokenUri::label(label).unwrap().to_string(),
        workers: Some(1),
        environment: [].into(),
    });
    let token = Token::open(&place, Pin::new(pin), None).unwrap();
    let key = token.generate_deriving("holder", Mark::Holder).await.unwrap();
    agrees(&token, &key).await;
    refuses(&token, &key).await;
}
