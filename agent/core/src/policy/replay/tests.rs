#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::amount::Amount;
use crate::intent::{Action, Intent, LedgerId, Value};
use crate::role::Roles;
use crate::time::Timestamp;

const SHOP: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn policy(rules: &str) -> Policy {
    let head = format!(
        "version = 1\n[assets.EUR]\ndecimals = 0\n[recipients.Shop]\naddress = \"{SHOP}\"\n[approvers.ben]\nkey = \"ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\"\n[[allow]]\nname = \"r\"\n"
    );
    Policy::parse(&(head + rules)).unwrap()
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_795_339_800_000 + minutes * 60_000).unwrap()
}

fn ask<R>(amount: u64, minutes: i64, then: impl FnOnce(&Question<'_>) -> R) -> R {
    let now = at(minutes);
    let intent = Intent {
        action: Action::Pay,
        ledger: LedgerId([7; 32]),
        from: PublicKey::P256([2; 33]),
        to: Some(SHOP.parse().unwrap()),
        value: Some(Value { asset: "EUR".parse().unwrap(), amount: Amount::from(amount) }),
        fee: None,
        selector: None,
        created: now,
        valid_until: now,
    };
    let (account, caller) = ("a".parse().unwrap(), "anna".parse().unwrap());
    then(&Question { intent: &intent, account: &account, caller: &caller, roles: Roles::NONE, now })
}

fn said(verdict: Answer) -> Said {
    Said { verdict, rule: None, why: None }
}

/// The flip of a payment of this amount at this minute, as `then > now (rule)`.
fn flip(replay: &mut Replay<'_>, id: u64, amount: u64, minutes: i64, then: Answer) -> String {
    let flip = ask(amount, minutes, |question| replay.asked(id, question, &BTreeSet::new(), said(then)));
    flip.map_or(String::new(), |flip| {
        let rule = flip.now.rule.map(|rule| rule.to_string()).unwrap_or_default();
        format!("{} > {} ({rule})", flip.then.verdict, flip.now.verdict)
    })
}

fn span(minutes: i64) -> Span {
    Span { earliest: at(minutes), latest: at(minutes) }
}

#[test]
fn budgets_are_those_of_the_bundle_that_judges() {
    let policy = policy("budget = { amount = \"100 EUR\", rolling = \"1h\" }\nper_payment = \"80 EUR\"");
    let mut replay = Replay::new(&policy);
    let (yes, no) = (Answer::Allowed, Answer::Denied);
    assert_eq!(flip(&mut replay, 1, 60, 0, yes), "");
    // It was paid; this bundle would not have let it, so it draws nothing.
    assert_eq!(flip(&mut replay, 2, 90, 1, yes), "allowed > denied (r)");
    replay.settled(1, span(1));
    replay.settled(2, span(2));
    // It was denied, and would have been paid at once.
    assert_eq!(flip(&mut replay, 3, 40, 3, no), "denied > allowed (r)");
    assert_eq!(flip(&mut replay, 4, 1, 4, yes), "allowed > denied (r)");
    assert_eq!(flip(&mut replay, 5, 1, 5, no), "");
    // The first left its window after an hour, at most 15 s late; 60 are free again.
    assert_eq!(flip(&mut replay, 6, 60, 62, yes), "");
    replay.released(6);
    assert_eq!(flip(&mut replay, 7, 61, 62, yes), "allowed > denied (r)");
    assert_eq!(flip(&mut replay, 8, 60, 62, yes), "");
    // Held until it is known, whatever the time.
    assert_eq!(flip(&mut replay, 9, 80, 600, yes), "allowed > denied (r)");
    assert_eq!((replay.judged(), replay.flips()), (9, 5));
}

#[test]
fn approvals_that_were_given_count() {
    let policy = policy("approvals = [{ need = 1, from = \"ben\", above = \"10 EUR\" }]");
    let mut replay = Replay::new(&policy);
    assert_eq!(flip(&mut replay, 1, 11, 0, Answer::Allowed), "allowed > waiting (r)");
    assert_eq!(flip(&mut replay, 2, 11, 0, Answer::Waiting), "");
    assert_eq!(flip(&mut replay, 3, 10, 0, Answer::Waiting), "waiting > allowed (r)");
    let ben = BTreeSet::from(["ben".parse().unwrap()]);
    assert_eq!(ask(11, 0, |question| replay.asked(4, question, &ben, said(Answer::Allowed))), None);
    // What nobody approved in time was waiting, not denied.
    let lapsed = Said::denied(Denial::plain(DenialCode::Lapsed, "nobody approved it".to_owned()));
    assert_eq!(ask(11, 0, |question| replay.asked(5, question, &BTreeSet::new(), lapsed)), None);
}

#[test]
fn first_payments_are_learnt_when_they_are_recorded() {
    let policy = policy("first_payment = \"10 EUR\"");
    let mut replay = Replay::new(&policy);
    let yes = Answer::Allowed;
    assert_eq!(flip(&mut replay, 1, 11, 0, yes), "allowed > denied (r)");
    replay.settled(1, span(0));
    assert_eq!(flip(&mut replay, 2, 10, 0, yes), "");
    assert_eq!(flip(&mut replay, 3, 11, 0, yes), "allowed > denied (r)");
    replay.settled(2, span(1));
    assert_eq!(flip(&mut replay, 4, 11, 2, yes), "");
}

proptest! {
    /// The bundle that decided then decides the same again.
    #[test]
    fn the_same_bundle_flips_nothing(
        steps in proptest::collection::vec((1..60_u64, 0..40_i64, 0..4_u8, 0..30_i64), 1..120),
        need in any::<bool>(),
    ) {
        let approvals = if need { "approvals = [{ need = 1, from = \"ben\", above = \"50 EUR\" }]" } else { "" };
        let policy = policy(&format!("budget = {{ amount = \"120 EUR\", rolling = \"2h\" }}\ncount = {{ max = 5, calendar = \"day\" }}\n{approvals}"));
        let (mut counters, mut replay, mut now) = (Counters::default(), Replay::new(&policy), 0);
        let mut open: Vec<(u64, Vec<Draw>, u8, i64)> = Vec::new();
        for (id, (amount, after, fate, delay)) in (1..).zip(steps) {
            now += after;
            let (due, later): (Vec<_>, Vec<_>) = open.into_iter().partition(|(.., at)| *at <= now);
            open = later;
            for (id, draws, fate, at) in due {
                if fate == 0 {
                    counters.release(&draws);
                    replay.released(id);
                } else {
                    counters.settle(&draws, span(at));
                    replay.settled(id, span(at));
                }
            }
            let flip = ask(amount, now, |question| {
                let Verdict::Allow(permit) = judge(&policy, question) else { unreachable!() };
                let then = match counters.reserve(&permit, &BTreeSet::new(), question.now) {
                    Ok(()) => {
                        open.push((id, permit.draws().to_vec(), fate, now + delay));
                        Said::allowed(permit.rule().clone())
                    }
                    Err(unmet) => Said::unmet(&unmet),
                };
                replay.asked(id, question, &BTreeSet::new(), then)
            });
            prop_assert_eq!(flip, None);
        }
    }
}
