//! What `policy check` warns of.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use bursar_core::policy::Policy;

const HEAD: &str = "version = 1
[groups]
staff = [\"anna\", \"ben\"]
[assets.EUR]
decimals = 2
[recipients.Shop]
address = \"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"
categories = [\"food\"]
[recipients.Bar]
address = \"ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\"
categories = [\"drink\", \"food\"]
";

fn warnings(rules: &str) -> Vec<String> {
    let policy = Policy::parse(&format!("{HEAD}{rules}")).unwrap();
    policy.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn case_table() {
    let good = "[[allow]]\nname = \"good\"\ncallers = [\"staff\"]\n";
    for (rules, expected) in [
        ("", vec![]),
        (
            "[[allow]]\nname = \"b\"\naccounts = []\n",
            vec!["policy line 16, rule \"b\": never matches: no payment can have one of its accounts"],
        ),
        (
            "[[allow]]\nname = \"b\"\ncategories = [\"casino\"]\n",
            vec![
                "policy line 16, rule \"b\": no recipient carries the category casino",
                "policy line 16, rule \"b\": never matches: no payment can have one of its recipients and categories",
            ],
        ),
        // Nobody is drink alone.
        (
            "[[allow]]\nname = \"b\"\ncategories = [\"drink\"]\n",
            vec![
                "policy line 16, rule \"b\": never matches: no payment can have one of its recipients and categories",
            ],
        ),
        (
            "[[allow]]\nname = \"b\"\nper_payment = \"0 EUR\"\n",
            vec!["policy line 16, rule \"b\": never allows anything: per_payment is zero"],
        ),
        (
            "[[allow]]\nname = \"b\"\ncount = { max = 0, rolling = \"7d\" }\n",
            vec!["policy line 16, rule \"b\": never allows anything: 0 payments in any 7 days is zero"],
        ),
        (
            "[[allow]]\nname = \"b\"\nhours = { days = [] }\n",
            vec!["policy line 16, rule \"b\": never allows anything: its hours name no day"],
        ),
        (
            "[[allow]]\nname = \"b\"\nvalid = { from = 2026-12-02, until = 2026-12-01 }\n",
            vec![
                "policy line 16, rule \"b\": never allows anything: its lifetime, from 2026-12-02 until 2026-12-01, is over before it begins",
            ],
        ),
        (
            "[[allow]]\nname = \"b\"\ncallers = [\"ben\"]\naccounts = [\"x\"]\n",
            vec![
                "policy line 16, rule \"b\": never decides: rule \"good\" (line 13) already decides everything in its scope",
            ],
        ),
        ("[[allow]]\nname = \"b\"\ncallers = [\"ben\", \"chloe\"]\n", vec![]),
        (
            "[[forbid]]\nname = \"f\"\ncategories = [\"drink\"]\n[[allow]]\nname = \"b\"\nrecipients = [\"Bar\"]\n",
            vec![
                "policy line 19, rule \"b\": never decides: rule \"f\" (line 16) forbids everything in its scope",
            ],
        ),
        (
            "[[forbid]]\nname = \"f\"\ncategories = [\"drink\"]\nhours = { from = \"22:00\", to = \"06:00\" }\n[[allow]]\nname = \"b\"\nrecipients = [\"Bar\"]\n",
            vec![],
        ),
    ] {
        assert_eq!(warnings(&format!("{good}{rules}")), expected, "{rules}");
    }
}

#[test]
fn of_the_policy_as_a_whole() {
    assert_eq!(
        warnings(""),
        [
            "policy: it has no [[allow]] rule, so it denies every payment",
            "policy: no allow rule can ever pay Shop, Bar",
            "policy: no rule names the group staff",
        ]
    );
    assert_eq!(
        warnings("[[allow]]\nname = \"a\"\ncategories = [\"food\"]\ncallers = [\"staff\"]\n"),
        ["policy: no allow rule can ever pay Bar"]
    );
}
