//! What past payments draw from another policy than the one that allowed them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use bursar_core::amount::Amount;
use bursar_core::intent::{Action, Intent, LedgerId, Value};
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::policy::{Draw, Past, Policy, Question, Verdict, judge};
use bursar_core::role::{Role, Roles};
use bursar_core::time::Timestamp;

/// RFC 8032, section 7.1.
const SHOP: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const BAR: &str = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

const HEAD: &str = "version = 1\n[assets.EUR]\ndecimals = 0\n";

fn policy(shop: &str, rules: &str) -> Policy {
    Policy::parse(&format!("{HEAD}{shop}{rules}")).unwrap()
}

fn shop(categories: &str) -> String {
    format!("[recipients.shop]\naddress = \"{SHOP}\"\ncategories = [{categories}]\n")
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// anna, a requester, pays 7 EUR to the shop from petty-cash.
struct Paid {
    intent: Intent,
    account: Name,
    caller: Name,
    drew: Vec<Draw>,
}

impl Paid {
    fn by(policy: &Policy) -> Self {
        let now: Timestamp = "2026-11-22T09:30:00Z".parse().unwrap();
        let to: PublicKey = SHOP.parse().unwrap();
        let intent = Intent {
            action: Action::Pay,
            ledger: LedgerId([1; 32]),
            from: BAR.parse().unwrap(),
            to: Some(to),
            value: Some(Value { asset: name("EUR"), amount: Amount::from(7) }),
            fee: None,
            selector: None,
            created: now,
            valid_until: now,
        };
        let (account, caller) = (name("petty-cash"), name("anna"));
        let roles: Roles = [Role::Requester].into_iter().collect();
        let question = Question { intent: &intent, account: &account, caller: &caller, roles, now };
        let drew = match judge(policy, &question) {
            Verdict::Allow(permit) => permit.draws().to_vec(),
            Verdict::Deny(denial) => panic!("{denial}"),
        };
        Self { intent, account, caller, drew }
    }

    /// Name, key and quantity of each draw.
    fn draws(&self, policy: &Policy) -> Vec<String> {
        let Self { intent, account, caller, drew } = self;
        let draws = policy.draws_of_past(&Past { intent, account, caller, drew });
        let words = |draw: &Draw| {
            let key = draw.key().map_or("all", Name::as_str);
            format!("{} for {key}: {} in {:?}", draw.budget(), draw.quantity(), draw.window().to_string())
        };
        draws.iter().map(words).collect()
    }
}

#[test]
fn case_table() {
    let week = "[[allow]]\nname = \"food\"\nbudget = { amount = \"90 EUR\", rolling = \"7d\" }\n";
    for (case, shop, rules, expected) in [
        ("the same", shop("\"food\""), week.to_owned(), vec!["food for all: 7 EUR in \"in any 7 days\""]),
        (
            "another cap and window",
            shop("\"food\""),
            week.replace("90", "1").replace("7d", "30d"),
            vec!["food for all: 7 EUR in \"in any 30 days\""],
        ),
        (
            "another account: spent all the same",
            shop("\"food\""),
            week.replace("budget", "accounts = [\"travel\"]\nbudget"),
            vec!["food for all: 7 EUR in \"in any 7 days\""],
        ),
        (
            "another name, another kind of window",
            shop("\"food\""),
            "[[allow]]\nname = \"all\"\ncount = { max = 3, per = \"requester\", calendar = \"day\" }\n"
                .to_owned(),
            vec!["all for anna: 1 payment in \"in a calendar day (UTC)\""],
        ),
        (
            "one for each category",
            shop("\"food\", \"drink\""),
            week.replace("rolling", "per = \"category\", rolling"),
            vec!["food for food: 7 EUR in \"in any 7 days\"", "food for drink: 7 EUR in \"in any 7 days\""],
        ),
        (
            "one for each recipient, though no rule is about the shop any more",
            shop("\"food\""),
            week.replace("budget", "accounts = [\"travel\"]\nbudget")
                .replace("rolling", "per = \"recipient\", rolling"),
            vec!["food for shop: 7 EUR in \"in any 7 days\""],
        ),
        // Nobody knows whether anna was a node then: both rules count it.
        (
            "rules for roles",
            shop("\"food\""),
            format!(
                "[[allow]]\nname = \"nodes\"\nroles = [\"node\"]\nspacing = {{ at_least = \"1h\" }}\n{}",
                week.replace("food", "others")
            ),
            vec![
                "nodes for all: 1 payment in \"in any 60 minutes\"",
                "others for all: 7 EUR in \"in any 7 days\"",
            ],
        ),
        (
            "a recipient that is gone",
            format!("[recipients.bar]\naddress = \"{BAR}\"\n"),
            format!(
                "{}[[limit]]\nname = \"l\"\ncount = {{ max = 9, rolling = \"1h\" }}\n",
                week.replace("food", "new")
            ),
            vec!["new for all: 7 EUR in \"in any 7 days\"", "l for all: 1 payment in \"in any 60 minutes\""],
        ),
        (
            "a budget for what only others get",
            shop("\"food\""),
            week.replace("food", "new").replace("budget", "recipients = []\nbudget"),
            vec![],
        ),
    ] {
        let paid = Paid::by(&policy(&self::shop("\"food\""), week));
        assert_eq!(paid.draws(&policy(&shop, &rules)), expected, "{case}");
    }
}

/// A shop is called a bar after it was paid: its old category stays as full as it was.
#[test]
fn another_category_empties_none() {
    let rules =
        "[[allow]]\nname = \"a\"\nbudget = { amount = \"9 EUR\", per = \"category\", rolling = \"1h\" }\n";
    let paid = Paid::by(&policy(&shop("\"food\""), rules));
    assert_eq!(
        paid.draws(&policy(&shop("\"drink\""), rules)),
        ["a for drink: 7 EUR in \"in any 60 minutes\"", "a for food: 7 EUR in \"in any 60 minutes\""]
    );
}
