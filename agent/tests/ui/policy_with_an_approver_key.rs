//! Who approves payments does not thereby decide on the policy.

use bursar::token::keyring::Keyring;
use bursar::token::{self, Token};
use bursar_core::approval::{Payload, PolicyChange};

async fn wrong(token: &Token, keys: &Keyring, change: Payload<PolicyChange>) {
    let Some(approver) = keys.approver() else { return };
    let _ = token::state(token, approver, change).await;
}

fn main() {}
