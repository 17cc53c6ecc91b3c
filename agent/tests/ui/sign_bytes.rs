//! There is no call that signs bytes.

use bursar::token::{Token, role::AccountKey};

async fn raw(token: &Token, key: &AccountKey) {
    let _ = token.sign(key.handle(), b"anything".to_vec(), |signature| Some(signature)).await;
}

fn main() {}
