//! Clients on the agent's socket: one thread, one epoll loop, requests written beforehand.
//!
//! The clients share the machine's processors with the agent, so they do as little as they can:
//! each keeps its connection and sends the same bytes with another Idempotency-Key.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::process;
use crate::stats::percentile;

/// What the clients saw.
#[derive(Debug)]
pub struct Load {
    /// Payments that were answered between the end of the warm-up and the end.
    pub per_second: f64,
    /// Half of them were answered sooner.
    pub p50: Duration,
    /// 99 of 100 were.
    pub p99: Duration,
    /// All payments, the warm-up's included.
    pub payments: u64,
    /// Processor time of the clients together, over all payments.
    pub cpu: Duration,
}

/// Makes Idempotency-Keys that were never used before.
#[derive(Debug, Default)]
pub struct Keys(u64);

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this time, of which the first tenth warms up.
    Time(Duration),
    /// After this many payments.
    Payments(u64),
}

struct Client {
    stream: UnixStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    filled: usize,
    sent: Instant,
}

/// Place of the key in a request, and its length.
const KEY: usize = KEY_LINE.len();
const KEY_LINE: &str = "POST /v1/spends HTTP/1.1\r\nHost: bursar\r\nIdempotency-Key: ";
const KEY_LENGTH: usize = 16;

impl Client {
    fn connect(socket: &Path, account: &str) -> Self {
        let stream = UnixStream::connect(socket).expect("the agent listens");
        let body = format!(r#"{{"from":"{account}","to":"Fresh Market","amount":"12.50 EUR"}}"#);
        let request = format!(
            "{KEY_LINE}{:0KEY_LENGTH$}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            0,
            body.len()
        );
        let (request, answer) = (request.into_bytes(), vec![0; 8192]);
        Self { stream, request, answer, filled: 0, sent: Instant::now() }
    }

    fn send(&mut self, keys: &mut Keys) {
        keys.0 += 1;
        let key = format!("{:0KEY_LENGTH$x}", keys.0);
        self.request[KEY..KEY + KEY_LENGTH].copy_from_slice(key.as_bytes());
        self.filled = 0;
        self.sent = Instant::now();
        self.stream.write_all(&self.request).expect("the agent reads");
    }

    /// Reads once; true when the answer is whole, which has to be 201.
    fn receive(&mut self) -> bool {
        let read = self.stream.read(&mut self.answer[self.filled..]).expect("the agent answers");
        assert!(read > 0, "the agent hung up");
        self.filled += read;
        let answer = &self.answer[..self.filled];
        let Some(head) = find(answer, b"\r\n\r\n") else { return false };
        let length = find(&answer[..head], b"content-length: ").expect("an answer with a length");
        let digits = answer[length + 16..head].iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        if answer.len() < head + 4 + length {
            return false;
        }
        assert!(answer.starts_with(b"HTTP/1.1 201 "), "{}", String::from_utf8_lossy(answer));
        true
    }
}

/// Pays from an account with this many clients, each at its next payment as soon as the one before
/// was answered.
pub fn run(socket: &Path, account: &str, clients: usize, until: Until, keys: &mut Keys) -> Load {
    let mut clients: Vec<_> = (0..clients).map(|_| Client::connect(socket, account)).collect();
    let before = process::own_thread();
    let (warm, end, most) = match until {
        Until::Time(time) => (Instant::now() + time / 10, Some(Instant::now() + time), u64::MAX),
        Until::Payments(most) => (Instant::now(), None, most),
    };
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    for (number, client) in clients.iter_mut().enumerate() {
        let number = epoll::EventData::new_u64(number as u64);
        epoll::add(&poll, &client.stream, number, epoll::EventFlags::IN).expect("epoll");
        client.send(keys);
    }
    let (mut sent, mut waiting, mut payments) = (clients.len() as u64, clients.len(), 0);
    let mut times = Vec::new();
    let mut events = Vec::with_capacity(clients.len());
    while waiting > 0 {
        // A single client waits for its answer itself; one call less in its time.
        let single = clients.len() == 1;
        if !single {
            epoll::wait(&poll, spare_capacity(&mut events), None).expect("epoll");
        }
        let ready = if single { vec![0] } else { events.drain(..).map(|event| event.data.u64()).collect() };
        for number in ready {
            let Some(client) = usize::try_from(number).ok().and_then(|number| clients.get_mut(number)) else {
                continue;
            };
            if !client.receive() {
                continue;
            }
            payments += 1;
            let now = Instant::now();
            if now >= warm && end.is_none_or(|end| now < end) {
                times.push(now - client.sent);
            }
            if sent < most && end.is_none_or(|end| now < end) {
                sent += 1;
                client.send(keys);
            } else {
                waiting -= 1;
            }
        }
    }
    let cpu = process::own_thread() - before;
    let counted = end.unwrap_or_else(Instant::now) - warm;
    times.sort_unstable();
    Load {
        per_second: times.len() as f64 / counted.as_secs_f64(),
        p50: percentile(&times, 50),
        p99: percentile(&times, 99),
        payments,
        cpu,
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
