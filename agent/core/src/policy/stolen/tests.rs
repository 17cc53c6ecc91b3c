#![allow(clippy::unwrap_used)]
use super::*;

const POLICY: &str = r#"
    version = 1
    [groups]
    managers = ["ben", "chloe", "dora"]
    everyday = ["supermarket", "pharmacy"]
    [approvers.ben]
    key = "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
    [approvers.chloe]
    key = "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"
    callers = ["anna", "chloe"]
    [approvers.dora]
    key = "p256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    [administrators]
    need = 1
    keys = { root = "p256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c297" }
    [freeze]
    from = ["managers"]
    lift = 2
    [assets.EUR]
    decimals = 2
    [assets.GRANT]
    decimals = 2
    only = ["pharmacy"]
    [recipients."Fresh Market"]
    address = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    categories = ["supermarket"]
    [recipients."Green Pharmacy"]
    address = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    categories = ["pharmacy"]
    [recipients."Grand Casino"]
    address = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    categories = ["casino"]
    [[forbid]]
    name = "no gambling"
    categories = ["casino"]
    [[allow]]
    name = "petty cash"
    accounts = ["petty"]
    categories = ["everyday"]
    callers = ["anna", "ben"]
    per_payment = "50.00 EUR"
    budget = { amount = "200.00 EUR", rolling = "7d" }
    [[allow]]
    name = "transfers"
    accounts = ["main", "spare"]
    assets = ["EUR"]
    callers = ["anna"]
    count = { max = 3, per = "account", calendar = "day" }
    hours = { from = "08:00", to = "18:00" }
    approvals = [{ need = 2, from = "managers", above = "1000.00 EUR" }]
    [[allow]]
    name = "payroll"
    accounts = ["payroll"]
    assets = ["EUR"]
    callers = ["anna"]
    approvals = [{ need = 2, from = "managers" }]
    [[allow]]
    name = "grants"
    accounts = ["grants"]
    assets = ["GRANT"]
    callers = ["clerk"]
    [[allow]]
    name = "anything"
    accounts = ["grants"]
    [[limit]]
    name = "a day"
    callers = ["anna"]
    assets = ["EUR"]
    budget = { amount = "2500.00 EUR", rolling = "24h" }
"#;

fn ask(name: &str) -> Stolen {
    let (policy, name) = (Policy::parse(POLICY).unwrap(), name.parse().unwrap());
    stolen(&policy, &Victim { name: &name, roles: None, accounts: None }).unwrap()
}

fn reaches(stolen: &Stolen) -> Vec<String> {
    let row = |reach: &Reach| {
        let single = reach.single.as_ref().map_or("none".to_owned(), ToString::to_string);
        format!(
            "{} {} {}: {single} to {}",
            reach.rule,
            reach.account.as_ref().map_or("*", Name::as_str),
            reach.asset.as_ref().map_or("-", Name::as_str),
            reach.to.names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
        )
    };
    stolen.reaches.iter().map(row).collect()
}

#[test]
fn what_a_caller_could_do() {
    let anna = ask("anna");
    let both = "Fresh Market, Green Pharmacy";
    assert_eq!(
        reaches(&anna),
        [
            format!("petty cash petty EUR: 50.00 EUR to {both}"),
            // The limit of 2,500 a day is no less than 1,000, above which somebody has to approve.
            format!("transfers main EUR: 1000.00 EUR to {both}"),
            format!("transfers spare EUR: 1000.00 EUR to {both}"),
            format!("payroll payroll EUR: none to {both}"),
            format!("anything grants EUR: 2500.00 EUR to {both}"),
            // Bound to pharmacies, and nothing else bounds it.
            "anything grants GRANT: unlimited to Green Pharmacy".to_owned(),
        ]
    );
    let how: Vec<(&str, String)> =
        anna.ceilings.iter().map(|ceiling| (ceiling.how.as_str(), ceiling.most.to_string())).collect();
    assert_eq!(
        how,
        [
            ("200.00 EUR in any 7 days", "200.00 EUR".to_owned()),
            ("3 payments in a calendar day (UTC) for the account main", "3 payments".to_owned()),
            (
                "3 payments in a calendar day (UTC) for the account main of at most 1000.00 EUR, together 3000.00 EUR",
                "3000.00 EUR".to_owned()
            ),
            ("3 payments in a calendar day (UTC) for the account spare", "3 payments".to_owned()),
            (
                "3 payments in a calendar day (UTC) for the account spare of at most 1000.00 EUR, together 3000.00 EUR",
                "3000.00 EUR".to_owned()
            ),
            (
                "unapproved 1000.00 EUR in a calendar day (UTC) to each of 2 recipients, together 2000.00 EUR",
                "2000.00 EUR".to_owned()
            ),
            ("limit \"a day\": 2500.00 EUR in any 24 hours", "2500.00 EUR".to_owned()),
        ]
    );
    assert_eq!(anna.reaches[3].needs, ["2 of managers"]);
    assert_eq!(anna.reaches[1].when, ["08:00-18:00 UTC"]);
    let totals: Vec<String> = anna
        .totals
        .iter()
        .flat_map(|total| {
            total.most.iter().map(|(stretch, most)| format!("{} {stretch}: {most}", total.asset))
        })
        .collect();
    assert_eq!(
        totals,
        [
            // All of it is under the limit of the day.
            "EUR in any 24 hours: 2500.00 EUR",
            "EUR in any 7 days: 17500.00 EUR",
            "EUR in any 31 days: 77500.00 EUR",
            "GRANT in any 24 hours: unlimited",
            "GRANT in any 7 days: unlimited",
            "GRANT in any 31 days: unlimited",
        ]
    );
}

/// Where more people approve more money, one of them alone approves what is below.
#[test]
fn one_of_several_quorums_may_be_enough() {
    let asks = |approvals: &str| {
        let keys = [
            ("anna", "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
            ("ben", "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
        ];
        let approvers: String =
            keys.iter().map(|(name, key)| format!("[approvers.{name}]\nkey = \"{key}\"\n")).collect();
        let text = format!(
            "version = 1\n[groups]\nmanagers = [\"anna\", \"ben\"]\n[assets.EUR]\ndecimals = 2\n{approvers}[[allow]]\nname = \"pay\"\napprovals = [{approvals}]\n"
        );
        let (policy, name) = (Policy::parse(&text).unwrap(), "anna".parse().unwrap());
        let found = stolen(&policy, &Victim { name: &name, roles: None, accounts: None }).unwrap();
        let power = found.powers.into_iter().find(|power| power.capacity == Capacity::Approver).unwrap();
        power.alone.then(|| power.what.contains(", up to 1000.00 EUR"))
    };
    let one = |more: &str| format!("{{ need = 1, from = \"managers\"{more} }}");
    let ben = |more: &str| format!("{{ need = 1, from = \"ben\"{more} }}");
    for (approvals, expected) in [
        (one(""), Some(false)),
        ("{ need = 2, from = \"managers\" }".to_owned(), None),
        (format!("{}, {}", one(", above = \"10.00 EUR\""), ben(", above = \"1000.00 EUR\"")), Some(true)),
        (format!("{}, {}", one(""), ben(", above = \"1000.00 EUR\"")), Some(true)),
        (format!("{}, {}", one(", above = \"1000.00 EUR\""), ben(", above = \"10.00 EUR\"")), None),
        (format!("{}, {}", one(""), ben("")), None),
        (format!("{}, {}", one(""), ben(", first_payment = true")), Some(false)),
        (format!("{}, {}", one(", first_payment = true"), ben(", first_payment = true")), None),
    ] {
        assert_eq!(asks(&approvals), expected, "{approvals}");
    }
}

#[test]
fn what_others_could_do() {
    // Ben asks for less, and no limit is about him; he is one of three who approve.
    let ben = ask("ben");
    assert_eq!(ben.reaches.len(), 3, "{:?}", reaches(&ben));
    let words: Vec<String> = ben.powers.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "approver: gives one of 2 votes of managers under rule \"transfers\"",
            "approver: gives one of 2 votes of managers under rule \"payroll\"",
            "freeze, alone: can freeze any account, which stops payments",
            "freeze: gives one of 2 votes to lift a freeze",
            "caller, alone: where it is a caller with the role administrator, may confirm the clock and propose bundles, which others have to sign",
        ]
    );
    // Chloe's other name among the callers is worth a look of its own, and the other way round.
    let chloe: Vec<String> = ask("chloe").powers.iter().map(ToString::to_string).collect();
    let others = "caller, alone: asks for payments as anna, too, and approves none of those: see what each of these names could ask for";
    assert!(chloe.contains(&others.to_owned()), "{chloe:?}");
    let anna: Vec<String> = ask("anna").powers.iter().map(ToString::to_string).collect();
    let may = "caller, alone: where it is a caller with the role administrator, may confirm the clock and propose bundles, which others have to sign";
    assert_eq!(anna, ["caller: what is asked for under this name, chloe cannot approve", may]);
    let root = ask("root");
    assert!(root.powers.iter().any(|power| power.capacity == Capacity::Administrator && power.alone));
    let petty = ask("petty");
    assert!(petty.powers.iter().any(|power| power.capacity == Capacity::Account && power.alone));
    // Anybody at all may ask for what "anything" allows.
    let stranger = ask("eve");
    assert!(stranger.powers.iter().all(|power| power.capacity == Capacity::Caller), "{:?}", stranger.powers);
    assert!(stranger.reaches.iter().all(|reach| reach.rule.as_str() == "anything"));
}

/// What an administrator may do is said where nobody knows the roles, too, but not of nobody.
#[test]
fn what_a_role_lets_somebody_do() {
    let (policy, anna): (_, Name) = (Policy::parse(POLICY).unwrap(), "anna".parse().unwrap());
    let nothing = Policy::parse("version = 1\n").unwrap();
    let administrator = Some(Roles::of(&[crate::role::Role::Administrator]));
    for (policy, roles, expected) in [
        (&policy, administrator, Some("may confirm")),
        (&policy, Some(Roles::of(&[crate::role::Role::Requester])), None),
        (&policy, None, Some("where it is a caller with the role administrator, may confirm")),
        (&nothing, administrator, Some("may confirm")),
        (&nothing, None, None),
    ] {
        let found = stolen(policy, &Victim { name: &anna, roles, accounts: None }).unwrap();
        let power = found.powers.iter().find(|power| power.what.contains("may confirm"));
        assert_eq!(power.is_some(), expected.is_some(), "{roles:?}");
        assert!(power.is_none_or(|power| power.what.starts_with(expected.unwrap())), "{power:?}");
    }
}

#[test]
fn only_the_accounts_that_there_are() {
    let (policy, name): (_, Name) = (Policy::parse(POLICY).unwrap(), "anna".parse().unwrap());
    let accounts: BTreeSet<Name> = ["main".parse().unwrap()].into();
    let found = stolen(&policy, &Victim { name: &name, roles: None, accounts: Some(&accounts) }).unwrap();
    assert_eq!(found.reaches.len(), 1, "{:?}", reaches(&found));
    // Sums above 1,000 for each of two recipients are approved, and a stretch of 24 hours lies
    // across two days of UTC at most: 4,000. The limit says less.
    let (Stretch::Day, Most::Of(day)) = &found.totals[0].most[0] else { panic!("{:?}", found.totals) };
    assert_eq!(day.to_string(), "2500.00 EUR");
}

#[test]
fn forms_for_programs() {
    let json = serde_json::to_value(ask("anna")).unwrap();
    assert_eq!(json["reaches"][0]["single"], "50.00 EUR");
    assert_eq!(json["reaches"][5]["single"], "unlimited");
    assert_eq!(json["ceilings"][0]["window"], "in any 7 days");
    assert_eq!(json["totals"][0]["most"][0][0], "day");
}
