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

/// Nobody may change it without these.
const ADMINISTRATORS: &str = "[administrators]\nneed = 1\nkeys.olga = \"ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf\"\n";

fn read(text: &str) -> Vec<String> {
    let policy = Policy::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    policy.warnings().iter().map(ToString::to_string).collect()
}

fn warnings(rules: &str) -> Vec<String> {
    read(&format!("{HEAD}{rules}{ADMINISTRATORS}"))
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

const PEOPLE: &str = "version = 1
[administrators]
need = 1
keys.olga = \"ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf\"
[groups]
managers = [\"anna\", \"ben\"]
[approvers.anna]
key = \"ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025\"
[approvers.ben]
key = \"ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e\"
callers = [\"desk\"]
[payers.card]
address = \"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"
[ledgers]
town = \"1111111111111111111111111111111111111111111111111111111111111111\"
city = \"2222222222222222222222222222222222222222222222222222222222222222\"
[assets.EUR]
decimals = 2
[recipients.Shop]
address = \"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"
categories = [\"food\"]
[recipients.Fund]
address = \"ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\"
[[allow]]
name = \"good\"
accounts = [\"cash\"]
callers = [\"clerk\"]
approvals = [{ need = 2, from = \"managers\" }]
";

/// The message after `policy line 30, rule "b": `, of a rule with these lines.
fn of_rule(kind: &str, lines: &str) -> Vec<String> {
    let of = |warning: String| {
        let message = warning.strip_prefix("policy line 30, rule \"b\": ");
        message.unwrap_or_else(|| panic!("{warning}")).to_owned()
    };
    read(&format!("{PEOPLE}[[{kind}]]\nname = \"b\"\n{lines}")).into_iter().map(of).collect()
}

#[test]
fn of_quorums() {
    let never = |who: &str| {
        vec![format!(
            "nobody can approve what {who} asks for: without whoever asks there are too few approvers"
        )]
    };
    for (lines, expected) in [
        ("callers = [\"x\"]\napprovals = [{ need = 2, from = \"managers\" }]\n", vec![]),
        ("callers = [\"ben\", \"x\"]\napprovals = [{ need = 2, from = \"managers\" }]\n", never("ben")),
        ("callers = [\"managers\"]\napprovals = [{ need = 2, from = \"managers\" }]\n", never("anna, ben")),
        ("callers = [\"managers\"]\napprovals = [{ need = 1, from = \"managers\" }]\n", vec![]),
        ("callers = [\"ben\"]\napprovals = [{ need = 1, from = \"ben\" }]\n", never("ben")),
        // Under another name of hers; the other way round is as good as ever.
        ("callers = [\"desk\"]\napprovals = [{ need = 2, from = \"managers\" }]\n", never("desk")),
        ("callers = [\"desk\"]\napprovals = [{ need = 1, from = \"managers\" }]\n", vec![]),
        // Who may ask is not said: everybody may.
        (
            "approvals = [{ need = 1, from = [\"ben\"] }, { need = 1, from = \"anna\" }]\n",
            never("anna, ben, desk"),
        ),
        // Up to a threshold nobody has to be asked.
        (
            "callers = [\"ben\"]\nper_payment = \"9 EUR\"\napprovals = [{ need = 2, from = \"managers\", above = \"5 EUR\" }]\n",
            vec![
                "nobody can approve what ben asks for where approvals are asked for: without whoever asks there are too few approvers"
                    .to_owned(),
            ],
        ),
        // And where nobody ever is, nobody is missing.
        (
            "callers = [\"ben\"]\nper_payment = \"5 EUR\"\napprovals = [{ need = 2, from = \"managers\", above = \"5 EUR\" }]\n",
            vec!["nobody is ever asked for approvals above 5.00 EUR: it allows 5.00 EUR at most".to_owned()],
        ),
    ] {
        assert_eq!(of_rule("allow", lines), expected, "{lines}");
    }
}

#[test]
fn of_amounts_that_are_never_reached() {
    let one = "approvals = [{ need = 1, from = \"managers\", above = ";
    let never = |above: &str, most: &str| {
        vec![format!("nobody is ever asked for approvals above {above} EUR: it allows {most} EUR at most")]
    };
    for (lines, expected) in [
        (format!("per_payment = \"5 EUR\"\n{one}\"4.99 EUR\" }}]\n"), vec![]),
        // Strict: the amount itself needs nobody.
        (format!("per_payment = \"5 EUR\"\n{one}\"5 EUR\" }}]\n"), never("5.00", "5.00")),
        (format!("per_payment = \"5 EUR\"\n{one}\"9 EUR\", first_payment = true }}]\n"), vec![]),
        (format!("{one}\"0 EUR\" }}]\n"), vec![]),
        // The sum in a window counts, and may be more than one payment.
        (
            format!("per_payment = \"5 EUR\"\ncount = {{ max = 9, rolling = \"1h\" }}\n{one}\"9 EUR\" }}]\n"),
            vec![],
        ),
        (format!("budget = {{ amount = \"9 EUR\", rolling = \"1h\" }}\n{one}\"0 EUR\" }}]\n"), vec![]),
        (
            format!("budget = {{ amount = \"9 EUR\", rolling = \"1h\" }}\n{one}\"9 EUR\" }}]\n"),
            never("9.00", "9.00"),
        ),
        // Each account has 9 EUR, and one requester may ask from two accounts.
        (
            format!(
                "budget = {{ amount = \"9 EUR\", per = \"account\", rolling = \"1h\" }}\n{one}\"9 EUR\" }}]\n"
            ),
            vec![],
        ),
        ("per_payment = \"5 EUR\"\nfirst_payment = \"4.99 EUR\"\n".to_owned(), vec![]),
        (
            "per_payment = \"5 EUR\"\nfirst_payment = \"5 EUR\"\n".to_owned(),
            vec!["first_payment never comes to bear: per_payment is no more than that".to_owned()],
        ),
    ] {
        assert_eq!(of_rule("limit", &lines), expected, "{lines}");
    }
}

#[test]
fn of_scopes() {
    let shadowed =
        || vec!["never decides: rule \"a\" (line 30) already decides everything in its scope".to_owned()];
    let earlier = |lines: &str, later: &str| {
        let of = |warning: String| {
            let (_, message) = warning.split_once("rule \"b\": ").unwrap_or_else(|| panic!("{warning}"));
            message.to_owned()
        };
        let text = format!("{PEOPLE}[[allow]]\nname = \"a\"\n{lines}[[allow]]\nname = \"b\"\n{later}");
        read(&text).into_iter().map(of).collect::<Vec<_>>()
    };
    for (lines, later, expected) in [
        ("action = [\"record\", \"rotate\"]\n", "action = \"record\"\n", shadowed()),
        ("action = \"record\"\n", "action = [\"record\", \"rotate\"]\n", vec![]),
        ("action = \"record\"\n", "", vec![]),
        (
            "action = \"call\"\nselectors = [\"0xa9059cbb\", \"0x095ea7b3\"]\n",
            "action = \"call\"\nselectors = [\"0x095ea7b3\"]\n",
            shadowed(),
        ),
        (
            "action = \"call\"\nselectors = [\"0xa9059cbb\"]\n",
            "action = \"call\"\nselectors = [\"0x095ea7b3\"]\n",
            vec![],
        ),
        ("ledger = [\"town\", \"city\"]\n", "ledger = \"city\"\n", shadowed()),
        ("ledger = \"town\"\n", "ledger = [\"town\", \"city\"]\n", vec![]),
        // There are more ledgers than those with a name.
        ("ledger = [\"town\", \"city\"]\n", "", vec![]),
        ("roles = [\"node\", \"auditor\"]\n", "roles = [\"node\"]\n", shadowed()),
        ("roles = [\"node\"]\n", "roles = [\"node\", \"auditor\"]\n", vec![]),
        ("roles = [\"node\"]\n", "", vec![]),
        ("action = \"endorse\"\n", "action = \"endorse\"\npayers = [\"card\"]\n", shadowed()),
    ] {
        assert_eq!(earlier(lines, later), expected, "{lines} {later}");
    }
    for (lines, expected) in [
        ("roles = []\n", "never matches: no payment can have one of its roles"),
        ("action = []\n", "never matches: no payment can have one of its actions"),
        ("ledger = []\n", "never matches: no payment can have one of its ledgers"),
        (
            "action = [\"pay\", \"call\"]\nselectors = [\"0xa9059cbb\"]\n",
            "it is never about pay: only calls have selectors; make a rule of its own for calls",
        ),
        ("action = \"endorse\"\npayers = [\"card\", \"cash\"]\n", "no payer of the policy is called cash"),
        (
            "accounts = [\"a\"]\npayers = [\"card\"]\n",
            "never matches: its payers are none of its accounts, and only what is endorsed has other payers; write action = \"endorse\"",
        ),
    ] {
        assert_eq!(of_rule("allow", lines), [expected], "{lines}");
    }
}

#[test]
fn of_purposes() {
    let grant = |asset: &str, rules: &str| {
        let text =
            PEOPLE.replace("[assets.EUR]", &format!("[assets.GRANT]\ndecimals = 2\n{asset}[assets.EUR]"));
        read(&format!("{text}{rules}"))
    };
    let bound = "only = [\"food\"]\nredeemer = \"Fund\"\n";
    assert_eq!(grant(bound, ""), Vec::<String>::new());
    assert_eq!(
        grant("only = [\"food\", \"managers\"]\n", ""),
        [
            "policy: the asset GRANT is for managers, which no recipient carries; \"only\" lists categories, no groups"
        ]
    );
    assert_eq!(
        grant("valid = { from = 2026-12-02, until = 2026-12-01 }\n", ""),
        ["policy: the asset GRANT can never be spent: its lifetime is over before it begins"]
    );
    let text = PEOPLE
        .replace("[assets.EUR]", &format!("[assets.GRANT]\ndecimals = 2\n{bound}[assets.EUR]"))
        .replace("accounts = [\"cash\"]", "assets = [\"EUR\"]");
    assert_eq!(
        read(&text),
        ["policy: no allow rule can ever pay Fund with GRANT: what was received could not be redeemed"]
    );
    assert_eq!(
        grant("only = [\"food\"]\n", "[[allow]]\nname = \"b\"\nfee_cap = \"1 GRANT\"\n"),
        [
            "policy line 33, rule \"b\": its fee_cap is in GRANT, which is bound to a purpose; no ledger takes that"
        ]
    );
}

#[test]
fn of_people() {
    let text = PEOPLE.replace("from = \"managers\"", "from = [\"anna\"]").replace("need = 2", "need = 1");
    assert_eq!(read(&text), ["policy: no rule names the group managers", "policy: no quorum asks ben"]);
    // Asked by another quorum than a rule's, or not to be asked any more.
    for also in
        ["[break-glass]\nneed = 1\nfrom = \"managers\"\n", "[freeze]\nfrom = \"managers\"\nlift = 2\n"]
    {
        assert_eq!(read(&format!("{text}{also}")), Vec::<String>::new(), "{also}");
    }
    let revoked = text.replace("[payers.card]", "revoked = true\n[payers.card]");
    assert_eq!(read(&revoked), ["policy: no rule names the group managers"]);
    assert_eq!(
        read(&format!("{HEAD}[[allow]]\nname = \"a\"\ncallers = [\"staff\"]\n")),
        [
            "policy: it has no [administrators]: whoever can write the agent's home folder changes it; name them with need and keys"
        ]
    );
}

/// Several rules that together leave nothing to another one; what comes after `rule "b": `.
#[test]
fn of_several_together() {
    const BOUND: &str = "[assets.GRANT]
decimals = 2
only = [\"food\"]
redeemer = \"Fund\"
valid = { from = 2026-01-01, until = 2026-12-31 }
";
    const BAR: &str = "[recipients.Bar]
address = \"p256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\"
";
    let of = |rules: &str| {
        let text =
            format!("{PEOPLE}{rules}").replace("[recipients.Shop]", &format!("{BOUND}[recipients.Shop]"));
        let said = read(&text)
            .into_iter()
            .filter_map(|warning| warning.split_once("rule \"b\": ").map(|(_, message)| message.to_owned()));
        said.collect::<Vec<_>>()
    };
    let rule = |kind: &str, name: &str, lines: &str| format!("[[{kind}]]\nname = \"{name}\"\n{lines}\n");
    let allow = |name: &str, lines: &str| rule("allow", name, lines);
    let night = "hours = { from = \"18:00\", to = \"06:00\" }";
    let day = "hours = { from = \"06:00\", to = \"18:00\" }";
    let most = "hours = { from = \"06:00\", to = \"17:59\" }";
    let grant = allow("b", "assets = [\"GRANT\"]\naccounts = [\"cash\", \"x\"]\ncallers = [\"y\"]");
    let never = |why: &str| vec![format!("never allows anything: all that it decides is denied by {why}")];
    for (rules, expected) in [
        (
            allow("c", "callers = [\"x\"]") + &allow("d", "callers = [\"y\"]") + &allow("b", "callers = [\"x\", \"y\"]"),
            vec!["never decides: rules \"c\" (line 35) and \"d\" (line 38) together already decide everything in its scope".to_owned()],
        ),
        (allow("c", "callers = [\"x\"]") + &allow("d", "callers = [\"y\"]") + &allow("b", "callers = [\"x\", \"y\", \"z\"]"), vec![]),
        // Each of the two is only about some accounts.
        (
            allow("c", "callers = [\"x\"]\naccounts = [\"k\"]") + &allow("d", "callers = [\"y\"]") + &allow("b", "callers = [\"x\", \"y\"]"),
            vec![],
        ),
        (
            rule("forbid", "c", "categories = [\"food\"]") + &allow("d", "recipients = [\"Fund\"]") + &allow("b", ""),
            vec!["never decides: rules \"c\" (line 35) and \"d\" (line 38) together decide or forbid everything in its scope".to_owned()],
        ),
        // At every hour one of two forbids is on; and at one minute of the day, none.
        (
            rule("forbid", "c", night) + &rule("forbid", "d", day) + &allow("b", ""),
            vec!["never decides: rules \"c\" (line 35) and \"d\" (line 38) together forbid everything in its scope".to_owned()],
        ),
        (rule("forbid", "c", night) + &rule("forbid", "d", most) + &allow("b", ""), vec![]),
        (grant.clone(), vec![]),
        // Not food, and not the redeemer.
        (format!("{BAR}{grant}recipients = [\"Bar\"]\n"), never("what GRANT is bound to")),
        (grant.clone() + "recipients = [\"Fund\"]\n", vec![]),
        // After the asset has expired.
        (grant.clone() + "recipients = [\"Shop\"]\nvalid = { from = 2027-01-01 }\n", never("what GRANT is bound to")),
        (grant.clone() + "recipients = [\"Shop\"]\nvalid = { from = 2026-12-31 }\n", vec![]),
        // What was received may still be redeemed.
        (grant.clone() + "recipients = [\"Fund\"]\nvalid = { from = 2027-01-01 }\n", vec![]),
        (
            grant.clone() + "recipients = [\"Shop\"]\n" + &rule("limit", "c", "callers = [\"y\"]\nper_payment = \"0 GRANT\""),
            never("\"c\" (line 41)"),
        ),
        (
            rule("limit", "c", &format!("accounts = [\"cash\"]\n{night}"))
                + &rule("limit", "d", &format!("accounts = [\"x\"]\n{night}"))
                + &grant + day + "\n",
            never("\"c\" (line 35) and \"d\" (line 39), together"),
        ),
        (
            grant + "hours = { days = [\"sun\"] }\nvalid = { from = 2026-11-23, until = 2026-11-28 }\n",
            vec!["never allows anything: its hours and its lifetime leave no time".to_owned()],
        ),
    ] {
        assert_eq!(of(&rules), expected, "{rules}");
    }
}
