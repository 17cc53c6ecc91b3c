//! Connections, counted: so many at once, and so many of one user, one caller or one network.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::AbortHandle;

use super::shares::Full;

/// Those who are inside, by whose they are; the map is as bounded as they are.
#[derive(Debug)]
pub(super) struct Crowd<K: Eq + Hash + Clone> {
    all: usize,
    each: usize,
    inside: Mutex<(usize, HashMap<K, usize>)>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it lets another one in"]
pub(super) struct Inside<K: Eq + Hash + Clone> {
    crowd: Arc<Crowd<K>>,
    of: K,
}

impl<K: Eq + Hash + Clone> Crowd<K> {
    /// At most `all`, and at most `each` of one.
    pub(super) fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all, each, inside: Mutex::default() })
    }

    /// Lets another one in, if there is a place.
    pub(super) fn enter(self: &Arc<Self>, of: K) -> Result<Inside<K>, Full> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let own = inside.1.get(&of).copied().unwrap_or(0);
        if own >= self.each {
            return Err(Full::Own);
        }
        if inside.0 >= self.all {
            return Err(Full::All);
        }
        inside.0 += 1;
        inside.1.insert(of.clone(), own + 1);
        Ok(Inside { crowd: self.clone(), of })
    }
}

impl<K: Eq + Hash + Clone> Drop for Inside<K> {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.0 = inside.0.saturating_sub(1);
        match inside.1.get_mut(&self.of) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                inside.1.remove(&self.of);
            }
        }
    }
}

/// Where a connection comes from: an IPv4 address, or the /64 of an IPv6 address, of which everybody
/// who has one has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network([u8; 8]);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let mut network = [0; 8];
        match address.to_canonical() {
            // No IPv6 network begins so: the first 32 bits are not used (RFC 4291, section 2.4).
            IpAddr::V4(address) => network[4..].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => network.copy_from_slice(&address.octets()[..8]),
        }
        Self(network)
    }
}

/// Connections whose other end is not known yet, oldest first. There is always a place for another
/// one: whoever takes longest has to go, of its own network first, so that nobody who begins many and
/// finishes none keeps others from it.
#[derive(Debug)]
pub(super) struct Hall {
    all: usize,
    each: usize,
    waiting: Mutex<(u64, Vec<Unknown>)>,
}

#[derive(Debug)]
struct Unknown {
    number: u64,
    from: Network,
    task: AbortHandle,
}

impl Hall {
    /// At most `all`, and at most `each` of one network.
    pub(super) fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all, each, waiting: Mutex::default() })
    }

    /// Runs what has to [`Hall::leave`] once it knows who is there.
    pub(super) fn enter<F: Future<Output = ()> + Send + 'static>(
        &self,
        from: Network,
        work: impl FnOnce(u64) -> F,
    ) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let own = waiting.1.iter().filter(|unknown| unknown.from == from).count();
        let oldest = match (own >= self.each, waiting.1.len() >= self.all) {
            (true, _) => waiting.1.iter().position(|unknown| unknown.from == from),
            (false, true) => Some(0),
            (false, false) => None,
        };
        if let Some(oldest) = oldest {
            waiting.1.remove(oldest).task.abort();
        }
        waiting.0 += 1;
        let number = waiting.0;
        let task = tokio::spawn(work(number)).abort_handle();
        waiting.1.push(Unknown { number, from, task });
    }

    /// It is known now, or has gone: nobody ends it any more.
    pub(super) fn leave(&self, number: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.1.retain(|unknown| unknown.number != number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::pending;

    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn nobody_takes_the_places_of_all_others() {
        let crowd = Crowd::new(5, 2);
        let mut inside: Vec<_> = [1, 1, 2, 2].map(|of| crowd.enter(of).unwrap()).into();
        assert_eq!(crowd.enter(1).unwrap_err(), Full::Own, "two of one");
        inside.push(crowd.enter(3).unwrap());
        assert_eq!(crowd.enter(4).unwrap_err(), Full::All, "five of all");
        drop(inside.remove(0));
        inside.push(crowd.enter(1).unwrap());
        assert!(crowd.enter(1).is_err());
        inside.clear();
        assert!(crowd.inside.lock().unwrap().1.is_empty(), "nobody is remembered");
    }

    #[test]
    fn case_table_of_networks() {
        let of = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        for (one, other, same) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("2001:db8::1", "2001:db8::2:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::1", "0.0.0.0", true),
        ] {
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
    }

    #[tokio::test]
    async fn whoever_takes_longest_has_to_go() {
        let (hall, (gone, mut left)) = (Hall::new(4, 2), mpsc::unbounded_channel());
        let network = |n: u8| Network::from(IpAddr::from([10, 0, 0, n]));
        struct Tell(u64, mpsc::UnboundedSender<u64>);
        impl Drop for Tell {
            fn drop(&mut self) {
                let _ = self.1.send(self.0);
            }
        }
        let enter = |n| {
            hall.enter(network(n), |number| {
                let tell = Tell(number, gone.clone());
                async move {
                    let _tell = tell;
                    pending::<()>().await;
                }
            });
        };
        for from in [1, 2, 2] {
            enter(from);
        }
        enter(2);
        assert_eq!(left.recv().await, Some(2), "the oldest of its own network");
        enter(3);
        hall.leave(1);
        enter(4);
        enter(5);
        assert_eq!(left.recv().await, Some(3), "the oldest of all that are not known");
        assert!(left.try_recv().is_err());
    }
}
