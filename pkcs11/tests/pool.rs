//! The pool under load, full, stuck, and with checks that fail. A check runs on the worker, so one
//! that blocks is a job that hangs.
//! PACKAGES: softhsm2
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use bursar_pkcs11::fixture::SoftHsm;
use bursar_pkcs11::{Algorithm, Error, Key, KeyUri, Pending, PoolOptions, Token};
use common::{checked, generate};

fn pool(workers: usize, queue: usize, deadline: Duration) -> PoolOptions {
    PoolOptions { workers, queue, deadline }
}

const LONG: Duration = Duration::from_secs(60);

/// A job that occupies a worker until the sender is used or dropped.
fn hang(token: &Token, key: &Key) -> (Pending<()>, Sender<()>) {
    let (release, released): (_, Receiver<()>) = channel();
    let (begun, running) = channel();
    let job = token.sign(key, b"hang".to_vec(), move |_, _, _| {
        begun.send(()).unwrap();
        released.recv().ok();
        Some(())
    });
    running.recv_timeout(LONG).expect("a worker takes the job");
    (job, release)
}

#[test]
fn sixty_four_threads_sign_in_parallel() {
    let hsm = SoftHsm::new();
    let token = hsm.open_with(pool(4, 1024, LONG));
    let keys = Algorithm::ALL.map(|a| generate(&token, &a.to_string(), a));
    std::thread::scope(|scope| {
        for n in 0..64u8 {
            let (token, keys) = (token.clone(), &keys);
            scope.spawn(move || {
                for m in 0..15u8 {
                    let key = &keys[usize::from(m) % 3];
                    let signature = token.sign(key, vec![n, m], checked).wait();
                    signature.unwrap();
                }
            });
        }
    });
    assert_eq!(token.state().queued, 0);
}

#[test]
fn a_full_queue_says_busy_at_once_and_health_still_passes() {
    let hsm = SoftHsm::new();
    let token = hsm.open_with(pool(2, 3, LONG));
    let key = generate(&token, "key", Algorithm::Ed25519);
    let (one, release_one) = hang(&token, &key);
    let (two, release_two) = hang(&token, &key);
    let waiting: Vec<_> = (0..3).map(|_| token.sign(&key, b"m".to_vec(), checked)).collect();
    assert_eq!(token.state().queued, 3);
    assert_eq!(token.sign(&key, b"m".to_vec(), checked).wait(), Err(Error::Busy));
    let check = token.check();
    drop(release_one);
    one.wait().unwrap();
    check.wait().unwrap();
    drop(release_two);
    two.wait().unwrap();
    for job in waiting {
        job.wait().unwrap();
    }
}

#[test]
fn a_stuck_worker_costs_the_deadline_and_no_more() {
    let hsm = SoftHsm::new();
    let deadline = Duration::from_millis(300);
    let setup = hsm.open();
    let key = generate(&setup, "key", Algorithm::Ed25519);
    let token = hsm.open_with(pool(1, 10, deadline));
    let begin = Instant::now();
    let (stuck, release) = hang(&token, &key);
    let behind = token.sign(&key, b"m".to_vec(), checked);
    assert_eq!(stuck.wait(), Err(Error::Deadline));
    assert_eq!(behind.wait(), Err(Error::Deadline));
    assert!(begin.elapsed() >= deadline);
    assert_eq!((token.state().overdue, token.state().busy, token.state().queued), (1, 1, 0));
    assert_eq!(token.health(), Err(Error::Deadline));
    // The module cannot be refreshed under a call that hangs, and others are not stopped by it.
    setup.sign(&key, b"m".to_vec(), checked).wait().unwrap();
    drop(release);
    let until = Instant::now() + LONG;
    while token.health().is_err() {
        assert!(Instant::now() < until, "the worker is back");
    }
    token.sign(&key, b"m".to_vec(), checked).wait().unwrap();
    assert_eq!(token.state().overdue, 0);
}

#[tokio::test]
async fn the_deadline_holds_without_a_timer_of_the_runtime() {
    let hsm = SoftHsm::new();
    let setup = hsm.open();
    let key = generate(&setup, "key", Algorithm::Ed25519);
    let token = hsm.open_with(pool(1, 10, Duration::from_millis(100)));
    let (stuck, release) = hang(&token, &key);
    assert_eq!(stuck.await, Err(Error::Deadline));
    drop(release);
}

#[test]
fn a_wrong_signature_leaves_nothing_and_quarantines_the_key() {
    let hsm = SoftHsm::new();
    let token = hsm.open();
    let key = generate(&token, "bad", Algorithm::Ed25519);
    let other = generate(&token, "good", Algorithm::Ed25519);
    let answer = token.sign(&key, b"m".to_vec(), |_, _, _| None::<()>).wait();
    assert_eq!(answer, Err(Error::BadSignature { key: "bad".to_owned() }));
    let again = token.find(&KeyUri::label("bad").unwrap()).wait().unwrap();
    for key in [&key, &again] {
        let answer = token.clone().sign(key, b"m".to_vec(), checked).wait();
        assert_eq!(answer, Err(Error::Quarantined { key: "bad".to_owned() }));
    }
    assert_eq!(token.state().quarantined, 1);
    token.sign(&other, b"m".to_vec(), checked).wait().unwrap();
    hsm.open().sign(&key, b"m".to_vec(), checked).wait().unwrap();
}

#[test]
fn a_check_that_panics_costs_its_job_only() {
    let hsm = SoftHsm::new();
    let token = hsm.open_with(pool(1, 10, LONG));
    let key = generate(&token, "key", Algorithm::P256);
    let answer: Result<(), _> = token.sign(&key, b"m".to_vec(), |_, _, _| panic!("on purpose")).wait();
    assert_eq!(answer, Err(Error::Panicked));
    token.sign(&key, b"m".to_vec(), checked).wait().unwrap();
}

#[test]
fn a_job_nobody_waits_for_is_not_begun() {
    let hsm = SoftHsm::new();
    let token = hsm.open_with(pool(1, 10, LONG));
    let key = generate(&token, "key", Algorithm::Ed25519);
    let (stuck, release) = hang(&token, &key);
    let (begun, ran) = channel();
    drop(token.sign(&key, b"m".to_vec(), move |_, _, _| {
        begun.send(()).ok();
        Some(())
    }));
    drop(release);
    stuck.wait().unwrap();
    token.sign(&key, b"m".to_vec(), checked).wait().unwrap();
    assert!(ran.recv().is_err(), "dropped without having run");
}

#[test]
fn what_is_queued_when_the_token_is_dropped_is_done() {
    let hsm = SoftHsm::new();
    let token = hsm.open_with(pool(1, 100, LONG));
    let key = generate(&token, "key", Algorithm::Ed25519);
    let jobs: Vec<_> = (0..50u8).map(|n| token.sign(&key, vec![n], checked)).collect();
    drop(token);
    for job in jobs {
        job.wait().unwrap();
    }
}
