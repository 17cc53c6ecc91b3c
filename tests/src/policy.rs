//! Policy bundles and recipients for tests.

use bursar_core::key::PublicKey;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The public key of recipient number `n`; its private key is the byte `n` 32 times.
pub fn recipient(n: u8) -> PublicKey {
    let key = ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key();
    PublicKey::ed25519(key.to_bytes()).expect("a valid key")
}

/// EUR, four recipients (Fresh Market 1 supermarket, Corner Pharmacy 2 pharmacy, Grand Casino 3
/// casino, Anna 4 employee), and these rules.
pub fn bundle(rules: &str) -> String {
    version(1, rules)
}

/// The same in this version.
pub fn version(version: u64, rules: &str) -> String {
    let mut text = format!("version = {version}\n\n[assets.EUR]\ndecimals = 2\n\n");
    for (n, name, category) in [
        (1, "Fresh Market", "supermarket"),
        (2, "Corner Pharmacy", "pharmacy"),
        (3, "Grand Casino", "casino"),
        (4, "Anna", "employee"),
    ] {
        let address = recipient(n).address();
        text +=
            &format!("[recipients.\"{name}\"]\naddress = \"{address}\"\ncategories = [\"{category}\"]\n\n");
    }
    text + rules
}

/// Groceries up to 50.00 EUR a payment.
pub const GROCERIES: &str = r#"
[[allow]]
name = "groceries"
accounts = ["expenses"]
categories = ["supermarket"]
per_payment = "50.00 EUR"
"#;

/// Groceries with a budget of 100.00 EUR in any seven days.
pub const BUDGET: &str = r#"
[[allow]]
name = "groceries"
accounts = ["expenses"]
categories = ["supermarket"]
per_payment = "50.00 EUR"
budget = { amount = "100.00 EUR", rolling = "7d" }
"#;

/// Supplies for 100.00 EUR in any seven days; from 50.00 EUR to one recipient on, two managers approve.
pub const SUPPLIES: &str = r#"
[[allow]]
name = "supplies"
accounts = ["expenses"]
categories = ["supermarket", "pharmacy"]
budget = { amount = "100.00 EUR", rolling = "7d" }
approvals = [{ need = 2, from = "managers", above = "50.00 EUR" }]
"#;

/// Groceries for 100.00 EUR a day; nobody has to approve.
pub const OPEN_HANDED: &str = r#"
[[allow]]
name = "groceries"
categories = ["supermarket"]
budget = { amount = "100.00 EUR", rolling = "1d" }
"#;

/// SHA-256 of a bundle, as records name it.
pub fn hash(bundle: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(bundle))
}
