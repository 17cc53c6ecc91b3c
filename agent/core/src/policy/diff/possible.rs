//! Is a payment ever allowed?

use crate::policy::{Counters, Denial, Policy, Question, Unmet, Verdict, judge};

/// Why this payment is never allowed: not even when nothing was spent, the recipient was paid before,
/// and everybody approves who can. `None` where it is allowed then.
pub fn never(policy: &Policy, question: &Question<'_>) -> Option<Denial> {
    let permit = match judge(policy, question) {
        Verdict::Deny(denial) => return Some(denial),
        Verdict::Allow(permit) => permit,
    };
    let mut counters = Counters::default();
    question.intent.to.iter().for_each(|to| counters.learn(question.account, *to));
    let everybody = policy.approvers().map(|approver| approver.name.clone()).collect();
    counters.check(&permit, &everybody, question.now).err().and_then(Unmet::denial)
}
