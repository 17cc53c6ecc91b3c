//! Who and what exists in the generated policies.

use std::sync::LazyLock;

use bursar_core::key::PublicKey;

/// 2026-10-23T00:00:00Z.
pub const START: i64 = 1_792_713_600_000;
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

pub const ACCOUNTS: [&str; 3] = ["a0", "a1", "a2"];
pub const CALLERS: [&str; 4] = ["anna", "ben", "clerk", "desk"];
/// The last is unknown to the policy.
pub const ASSETS: [&str; 3] = ["EUR", "GRANT", "USD"];
/// Name and categories; the key of each is [`key`] of its position.
pub const SHOPS: [(&str, &[&str]); 5] =
    [("s0", &["c0"]), ("s1", &["c0", "c1"]), ("s2", &[]), ("s3", &["c1", "c2"]), ("s4", &["c2"])];
/// A recipient that no policy knows.
pub const STRANGER: usize = 30;
/// Whose payments are endorsed, and the seeds of their keys. The second has a shop's.
pub const PAYERS: [(&str, usize); 2] = [("p0", 10), ("p1", 1)];
/// The key of every account.
pub const OWN: usize = 20;
/// Name, and what every byte of its id is.
pub const LEDGERS: [(&str, u8); 2] = [("town", 1), ("city", 2)];
/// They approve; `emil` is revoked. Their keys' seeds begin at 40.
pub const APPROVERS: [&str; 5] = ["anna", "ben", "chloe", "dora", "emil"];
pub const REVOKED: &str = "emil";
/// Who asks under other names, too; two share one.
pub const KNOWN_AS: [(&str, &[&str]); 3] =
    [("ben", &["desk"]), ("chloe", &["desk", "clerk"]), ("dora", &["phone"])];
pub const SELECTORS: [&str; 2] = ["0xa9059cbb", "0x095ea7b3"];

pub const GROUPS: [(&str, &[&str]); 8] = [
    ("ga", &["a0", "a1"]),
    ("gs", &["s0", "s3"]),
    ("gc", &["c0", "c2"]),
    ("gp", &["anna", "clerk"]),
    ("gy", &["p0", "a2"]),
    ("managers", &["anna", "ben"]),
    ("finance", &["chloe", "dora"]),
    ("board", &["ben", "chloe", "emil"]),
];

/// A public key made from a number.
pub fn key(seed: usize) -> PublicKey {
    static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
        (0..64_u8)
            .map(|seed| {
                let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
                PublicKey::ed25519(key.to_bytes()).unwrap()
            })
            .collect()
    });
    KEYS[seed]
}

/// The names of a list, with every group's members in its place.
pub fn opened(list: &[&'static str]) -> Vec<&'static str> {
    let group = |name: &str| GROUPS.iter().find(|(group, _)| *group == name).map(|(_, members)| members);
    list.iter().flat_map(|name| group(name).map_or_else(|| vec![*name], |members| members.to_vec())).collect()
}
