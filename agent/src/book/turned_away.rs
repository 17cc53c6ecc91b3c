//! Whom the agent has turned away, bounded, so that strangers cannot fill the disk.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bursar_core::approval::Code;

/// For how long one record speaks for what follows it.
const WINDOW: Duration = Duration::from_secs(60);
/// Most records in a window: so many of all strangers together, and so many of each caller that the
/// configuration names, so that strangers do not keep the record of an insider out.
const MOST: usize = 60;

/// How a name begins that is none of the configuration.
pub const STRANGERS: [&str; 2] = ["uid ", "certificate "];

/// Somebody was turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A caller's name, `uid 1000`, or `certificate sha256:…`.
    pub who: String,
    /// What was asked for, as the API's description writes it: `POST /v1/spends`.
    pub route: String,
    /// Why not.
    pub why: String,
    /// Why what they signed does not count, if it is about that.
    pub code: Option<Code>,
}

/// What was written down in the last minute.
#[derive(Debug, Default)]
pub struct Recent(VecDeque<(Instant, String, String, Option<Code>)>);

impl Recent {
    /// Is it to be written down? Once a minute for one caller, one route and one code, and sixty times
    /// a minute for one caller, or for all strangers.
    pub fn admit(&mut self, refusal: &Refusal, now: Instant) -> bool {
        let passed = |at: &Instant| now.saturating_duration_since(*at) >= WINDOW;
        while self.0.front().is_some_and(|(at, ..)| passed(at)) {
            self.0.pop_front();
        }
        let known = |(_, who, route, code): &(_, String, String, Option<Code>)| {
            *who == refusal.who && *route == refusal.route && *code == refusal.code
        };
        let alike = |(_, who, ..): &&(Instant, String, String, Option<Code>)| match is_stranger(&refusal.who)
        {
            true => is_stranger(who),
            false => *who == refusal.who,
        };
        if self.0.iter().filter(alike).count() >= MOST || self.0.iter().any(known) {
            return false;
        }
        self.0.push_back((now, refusal.who.clone(), refusal.route.clone(), refusal.code));
        true
    }
}

/// No caller of the configuration is called like that.
fn is_stranger(who: &str) -> bool {
    STRANGERS.iter().any(|prefix| who.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(who: &str, route: &str) -> Refusal {
        Refusal { who: who.to_owned(), route: route.to_owned(), why: String::new(), code: None }
    }

    #[test]
    fn once_a_minute_for_one_caller_and_one_route() {
        let (mut recent, begun) = (Recent::default(), Instant::now());
        let mut at = |ms, who, route| recent.admit(&refusal(who, route), begun + Duration::from_millis(ms));
        assert!(at(0, "anna", "GET /a"));
        assert!(!at(1, "anna", "GET /a"));
        assert!(at(1, "anna", "GET /b"));
        assert!(at(1, "ben", "GET /a"));
        assert!(!at(59_999, "anna", "GET /a"), "what is not written down does not count again");
        assert!(at(60_000, "anna", "GET /a"));
        assert!(!at(60_000, "anna", "GET /b"));
        assert!(at(60_001, "anna", "GET /b"));
    }

    #[test]
    fn each_reason_why_a_decision_does_not_count() {
        let (mut recent, begun) = (Recent::default(), Instant::now());
        let of = |code| Refusal { code, ..refusal("anna", "POST /v1/votes") };
        for (code, admitted) in [
            (Some(Code::Expired), true),
            (Some(Code::Revoked), true),
            (None, true),
            (Some(Code::Expired), false),
            (None, false),
        ] {
            assert_eq!(recent.admit(&of(code), begun), admitted, "{code:?}");
        }
    }

    #[test]
    fn sixty_times_a_minute_for_all_strangers() {
        let (mut recent, begun) = (Recent::default(), Instant::now());
        let mut asked = 0;
        let mut at = |seconds| {
            asked += 1;
            let who = format!("{}{asked}", STRANGERS[asked % 2]);
            recent.admit(&refusal(&who, "GET /a"), begun + Duration::from_secs(seconds))
        };
        assert_eq!((0..1000).filter(|_| at(0)).count(), 60);
        assert_eq!((0..1000).filter(|_| at(59)).count(), 0);
        assert_eq!((0..1000).filter(|_| at(60)).count(), 60);
        // And each caller has a record of its own all the same.
        let mut own = |route: u32| {
            recent.admit(&refusal("anna", &format!("GET /{route}")), begun + Duration::from_secs(60))
        };
        assert_eq!((0..1000).filter(|route| own(*route)).count(), 60);
    }
}
