//! Clients that are wrong, slow or many: everybody else is served, and what is wrong is said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Write;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use firmware_sim::fault::Fault;
use firmware_sim::simulator::{Settings, Simulator};
use support::{Bench, api, chain, connect, signs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn what_is_wrong_has_the_code_of_the_devices_documentation_and_the_connection_stays() {
    let bench = Bench::new();
    let mut stream = connect(bench.simulator.address());
    let cases: [(&str, &[u8], u8); 9] = [
        ("no such command", &[0x7e, 0, 0], 0x01),
        ("a command that needs a session", &[0x6a, 0, 2, 0, 1], 0x01),
        ("less than its length", &[0x01, 0, 9, 1], 0x08),
        ("more than its length", &[0x01, 0, 0, 1], 0x08),
        ("no such session", &[&[0x05, 0, 25, 3][..], &[0; 24]].concat(), 0x03),
        ("no session's number", &[&[0x05, 0, 25, 0xff][..], &[0; 24]].concat(), 0x03),
        ("a session's message without any", &[0x05, 0, 0], 0x08),
        ("no such key", &[&[0x03, 0, 10, 0, 9][..], &[0; 8]].concat(), 0x0b),
        ("a challenge that is too short", &[0x03, 0, 3, 0, 1, 1], 0x08),
    ];
    for (what, message, code) in cases {
        let (head, body) = api(&mut stream, message);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{what}: {head}");
        assert_eq!(body, [0x7f, 0, 1, code], "{what}");
        assert_eq!(api(&mut stream, &[0x01, 0, 1, 5]).1, [0x81, 0, 1, 5], "{what}");
    }
    let longest = [&[0x01, 0x0c, 0x40][..], &[0; 3136]].concat();
    assert_eq!(longest.len(), 3139);
    assert_eq!(api(&mut stream, &longest).1, [0x7f, 0, 1, 0x08]);
}

#[test]
fn a_body_of_the_wrong_length_or_none_is_refused_and_others_are_served() {
    let bench = Bench::new();
    let (client, key) = bench.signer(1);
    let post = "POST /connector/api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let long = "x".repeat(3140);
    let cases = [
        format!("{post}\r\n"),
        format!("{post}Content-Length: 0\r\n\r\n"),
        format!("{post}Content-Length: 2\r\n\r\n\u{1}\0"),
        format!("{post}Content-Length: 3140\r\n\r\n{long}"),
        format!("{post}Content-Length: 99999999999\r\n\r\n{long}"),
        format!("{post}Content-Length: 99999999999999999999999\r\n\r\n"),
        format!("{post}Content-Length: -3\r\n\r\n"),
        format!("{post}Content-Length: 4\r\nContent-Length: 5\r\n\r\n\u{1}\0\u{1}x"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\n4\r\n\u{1}\0\u{1}x\r\n0\r\n\r\n"),
        format!("{post}X: {}\r\n\r\n", "y".repeat(20_000)),
        "nonsense\r\n\r\n".to_owned(),
    ];
    for request in cases {
        let answer = bench.http(&request);
        assert!(answer.starts_with("HTTP/1.1 4"), "{request:.120}\n{answer}");
        assert!(signs(&client, 1, &key).unwrap());
    }
    // One that goes away in the middle of its body.
    let mut half = connect(bench.simulator.address());
    half.write_all(format!("{post}Content-Length: 9\r\n\r\nhalf").as_bytes()).unwrap();
    drop(half);
    for (path, status) in [("/", "404"), ("/connector", "404"), ("/connector/status/", "404")] {
        assert!(bench.http(&support::get(path)).starts_with(&format!("HTTP/1.1 {status}")));
    }
    assert!(bench.http(&support::get("/connector/api")).contains("405"));
    assert!(bench.http(&support::post("/connector/status", "")).contains("405"));
    assert!(signs(&client, 1, &key).unwrap());
}

#[tokio::test]
async fn a_body_that_trickles_and_headers_that_never_end_are_given_up() {
    let simulator = Simulator::start(Settings::default()).await.unwrap();
    let head =
        b"POST /connector/api HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    let mut slow = tokio::net::TcpStream::connect(simulator.address()).await.unwrap();
    slow.write_all(head).await.unwrap();
    // It waits for the body once it says so.
    let mut go_on = [0; 25];
    slow.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    slow.write_all(b"\x01").await.unwrap();
    let mut silent = tokio::net::TcpStream::connect(simulator.address()).await.unwrap();
    silent
        .write_all(support::get("/connector/status").replace("Connection: close\r\n", "").as_bytes())
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let length = silent.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    silent.write_all(b"GET /connector/status HTTP/1.1\r\nHost").await.unwrap();
    // Time passes as fast as nobody has anything to do.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("10 s"), "{answer}");
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).await.unwrap();
    assert!(began.elapsed().as_secs() <= 121, "{:?}", began.elapsed());
}

#[test]
fn two_hundred_connections_that_say_nothing_keep_nobody_out() {
    let bench = Bench::new();
    let silent: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(bench.simulator.address());
            stream.write_all(b"POST /connector/api HTTP/1.1\r\nHost: x\r\n").unwrap();
            stream
        })
        .collect();
    let (client, key) = bench.signer(1);
    assert!(signs(&client, 1, &key).unwrap());
    assert_eq!(silent.len(), 200);
}

#[test]
fn a_hundred_clients_are_served_sixteen_get_a_session_and_memory_stays_small() {
    let bench = Bench::new();
    let address = bench.simulator.address();
    let before = resident_kilobytes();
    let together = Barrier::new(100);
    let opened = thread::scope(|scope| {
        let asked: Vec<_> = (0..100_u8)
            .map(|number| {
                let together = &together;
                scope.spawn(move || {
                    let mut stream = connect(address);
                    let client = support::client(address);
                    together.wait();
                    for round in 0..50 {
                        let echoed = api(&mut stream, &[0x01, 0, 2, number, round]).1;
                        assert_eq!(echoed, [0x81, 0, 2, number, round]);
                    }
                    let opened = client.connect().map_err(|error| chain(&error));
                    // Nobody closes one before everybody has asked.
                    together.wait();
                    opened
                })
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 16);
    for refused in opened.into_iter().filter_map(Result::err) {
        assert!(refused.contains("sessions full"), "{refused}");
    }
    let more = resident_kilobytes().saturating_sub(before);
    assert!(more < 64 << 10, "{more} KB more");
    bench.inject(Fault::AdvanceClock(Duration::from_secs(31)));
    let (client, key) = bench.signer(1);
    assert!(signs(&client, 1, &key).unwrap());
}

fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
