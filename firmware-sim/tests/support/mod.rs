//! A simulated device, and a client that others wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs)]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use firmware_sim::control::Condition;
use firmware_sim::fault::Fault;
use firmware_sim::simulator::{Settings, Simulator};
use tokio::runtime::Runtime;
use yubihsm::client::ErrorKind;
use yubihsm::{Capability, Client, Connector, Credentials, Domain, HttpConfig, asymmetric, client, object};

/// A deadline for what takes no time; only a test that fails meets it.
pub const SOON: Duration = Duration::from_secs(20);

/// A device that listens on a port of its own.
pub struct Bench {
    pub runtime: Runtime,
    pub simulator: Simulator,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let runtime = Runtime::new().unwrap();
        let simulator = runtime.block_on(Simulator::start(settings)).unwrap();
        Self { runtime, simulator }
    }

    pub fn stop(self) {
        self.runtime.block_on(self.simulator.stop());
    }

    pub fn inject(&self, fault: Fault) -> Condition {
        self.runtime.block_on(self.simulator.control().inject(fault)).unwrap()
    }

    pub fn until(&self, wanted: impl FnMut(&Condition) -> bool) {
        let control = self.simulator.control();
        self.runtime
            .block_on(async { tokio::time::timeout(SOON, control.until(wanted)).await })
            .unwrap()
            .unwrap();
    }

    /// A client that is not connected yet, and connects again whenever it has to.
    pub fn client(&self) -> Client {
        client(self.simulator.address())
    }

    /// A client with a session, and the public key of an Ed25519 key that it made.
    pub fn signer(&self, id: object::Id) -> (Client, VerifyingKey) {
        let client = self.client();
        let key = generate(&client, id).unwrap();
        (client, key)
    }

    /// The request's answer, and whether that was whole.
    pub fn http(&self, request: &str) -> String {
        http(self.simulator.address(), request.as_bytes())
    }
}

pub fn client(address: SocketAddr) -> Client {
    let config = HttpConfig { addr: address.ip().to_string(), port: address.port(), ..HttpConfig::default() };
    Client::create(Connector::http(&config), Credentials::default()).unwrap()
}

pub fn generate(client: &Client, id: object::Id) -> Result<VerifyingKey, client::Error> {
    let (label, algorithm) = (object::Label::from_bytes(b"key").unwrap(), asymmetric::Algorithm::Ed25519);
    client.generate_asymmetric_key(id, label, Domain::DOM1, Capability::SIGN_EDDSA, algorithm)?;
    public(client, id)
}

pub fn public(client: &Client, id: object::Id) -> Result<VerifyingKey, client::Error> {
    let key = client.get_public_key(id)?;
    Ok(VerifyingKey::from_bytes(key.as_ref().try_into().unwrap()).unwrap())
}

/// Does this client get a signature that is right?
pub fn signs(client: &Client, id: object::Id, key: &VerifyingKey) -> Result<bool, client::Error> {
    let signature = client.sign_ed25519(id, b"a message".as_slice())?;
    Ok(key.verify(b"a message", &Signature::from_bytes(&signature.to_bytes())).is_ok())
}

/// An error and all its causes.
pub fn chain(error: &client::Error) -> String {
    let (mut text, mut cause) = (format!("{error}, {error:?}"), error.source());
    while let Some(next) = cause {
        text += &format!(": {next}");
        cause = next.source();
    }
    text
}

pub fn is_connector(error: &client::Error) -> bool {
    *error.kind() == ErrorKind::ConnectorError || chain(error).contains("connector")
}

/// Sends bytes and reads until the other side ends.
pub fn http(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // An end in the middle is one, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The body of the answer to a message, on a connection that stays.
pub fn api(stream: &mut TcpStream, message: &[u8]) -> (String, Vec<u8>) {
    let head =
        format!("POST /connector/api HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", message.len());
    stream.write_all(&[head.as_bytes(), message].concat()).unwrap();
    let mut answer = Vec::new();
    let end = loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
        if answer.ends_with(b"\r\n\r\n") {
            break answer.len();
        }
    };
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}
