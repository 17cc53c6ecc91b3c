//! The bare module's speed, for benchmarks: sessions on threads, C_SignInit and C_Sign in a loop,
//! neither queue nor check. It hands out counts and times, never a signature.

use std::thread;
use std::time::{Duration, Instant};

use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use sha2::{Digest, Sha256};

use crate::pool::seat::Seat;
use crate::{Algorithm, Error, KeyUri, Module, Pin, PoolOptions, TokenUri};

/// What a run measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Signatures made by all threads together.
    pub signatures: u64,
    /// From the first thread's start to the last one's end.
    pub elapsed: Duration,
    /// Half of the signatures took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Rate {
    /// Signatures a second, all threads together.
    pub fn per_second(&self) -> f64 {
        self.signatures as f64 / self.elapsed.as_secs_f64()
    }
}

/// Signs 200-byte messages (ECDSA: their SHA-256, hashed each time) for `duration` on `threads`
/// threads with a session each, with the token's key or a session copy of it.
///
/// # Errors
/// Those of opening the token and finding the key; [`Error::Unsupported`] when the key cannot be
/// copied.
pub fn run(
    module: &Module,
    token: &TokenUri,
    pin: &Pin,
    key: &KeyUri,
    threads: usize,
    duration: Duration,
    copy: bool,
) -> Result<Rate, Error> {
    // The pool finds the key and holds the login; it idles while the loop runs.
    let pool = PoolOptions { workers: 1, ..PoolOptions::default() };
    let token = module.open(token, Some(pin.clone()), pool)?;
    let key = token.find(key).wait()?;
    let mut seats = Vec::new();
    {
        let _inside = module.enter();
        for _ in 0..threads.max(1) {
            let seat = Seat::open(token.shared())?;
            let handle = seat.bare_handle(&key, copy)?;
            seats.push((seat, handle));
        }
    }
    let algorithm = key.algorithm();
    let begin = Instant::now();
    let runs: Vec<_> = seats
        .into_iter()
        .map(|(seat, handle)| {
            let module = module.clone();
            thread::spawn(move || {
                let times = sign_until(&module, &seat.session, handle, algorithm, begin + duration);
                (seat, times)
            })
        })
        .collect();
    let mut times = Vec::new();
    let mut failure = None;
    for run in runs {
        match run.join() {
            Ok((seat, one)) => {
                module.retire(seat.epoch, seat.session);
                match one {
                    Ok(one) => times.extend(one),
                    Err(error) => failure = Some(error),
                }
            }
            Err(_) => failure = Some(Error::Panicked),
        }
    }
    let elapsed = begin.elapsed();
    module.bury(true);
    if let Some(error) = failure {
        return Err(error);
    }
    times.sort_unstable();
    let at = |percent: usize| {
        times.get(times.len() * percent / 100).copied().map_or(Duration::ZERO, Duration::from_nanos)
    };
    Ok(Rate { signatures: times.len() as u64, elapsed, p50: at(50), p99: at(99) })
}

/// The time of each signature in nanoseconds.
fn sign_until(
    module: &Module,
    session: &Session,
    handle: ObjectHandle,
    algorithm: Algorithm,
    end: Instant,
) -> Result<Vec<u64>, Error> {
    let _inside = module.enter();
    let mut message = [0u8; 200];
    let mut times = Vec::new();
    let mut now = Instant::now();
    while now < end {
        message[..8].copy_from_slice(&(times.len() as u64).to_be_bytes());
        match algorithm {
            Algorithm::Ed25519 => {
                module.calls().sign(session, algorithm, handle, &message, || Ok(()))?;
            }
            Algorithm::Secp256k1 | Algorithm::P256 => {
                module.calls().sign(session, algorithm, handle, &Sha256::digest(message), || Ok(()))?;
            }
        }
        let done = Instant::now();
        times.push(u64::try_from((done - now).as_nanos()).unwrap_or(u64::MAX));
        now = done;
    }
    Ok(times)
}
