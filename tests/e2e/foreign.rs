//! What was signed, verified by libraries that are not ours: `envelope.py`; and the vectors of what
//! people sign, made by them: `statements.py`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use bursar_tests::files;
use bursar_tests::policy::bundle;
use bursar_tests::programs;
use bursar_tests::spec::{Account, Asset};
use bursar_tests::world::World;
use data_encoding::BASE64;
use serde_json::{Value, json};

const RULE: &str = r#"
[[allow]]
name = "groceries"
categories = ["supermarket"]

[[allow]]
name = "issues"
action = "issue"
categories = ["supermarket"]
"#;

fn python(script: &str) -> Command {
    let python = std::env::var_os("BURSAR_TEST_PYTHON").expect(
        "BURSAR_TEST_PYTHON names no Python: run tests/run, or make one with `python3 -m venv DIR`, \
         `DIR/bin/pip install -r tests/e2e/requirements.txt`, `export BURSAR_TEST_PYTHON=DIR/bin/python`",
    );
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e").join(script));
    command
}

/// The asset that an account issues.
fn issued_by(account: &Account) -> String {
    format!("GRANT-{}", account.algorithm)
}

fn pem(world: &World, name: &str) -> String {
    let shown = world.run(&["key", "show", name, "--format", "pem"]);
    assert!(shown.status.success(), "{shown:?}");
    String::from_utf8(shown.stdout).unwrap()
}

fn leaves(world: &World, name: &str) -> Vec<String> {
    files::leaves(&files::open(&world.home().join(name))).iter().map(|leaf| BASE64.encode(leaf)).collect()
}

/// What the script prints, or says.
fn verify(given: &Value) -> Result<Vec<String>, String> {
    let mut child = python("envelope.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the interpreter that BURSAR_TEST_PYTHON names starts");
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Every vector of the core's tests of approvals is what Python writes, signs and verifies today.
#[test]
fn vectors_of_what_people_sign_come_from_foreign_libraries() {
    let output =
        python("statements.py").output().expect("the interpreter that BURSAR_TEST_PYTHON names starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/core/tests/vectors");
    let kept = ["statement", "vote"].into_iter().flat_map(|folder| {
        let files = std::fs::read_dir(vectors.join(folder)).unwrap();
        files.map(move |file| format!("{folder}/{}", file.unwrap().file_name().into_string().unwrap()))
    });
    assert_eq!(kept.collect::<BTreeSet<_>>(), made.keys().cloned().collect());
    for (name, text) in made {
        assert_eq!(std::fs::read_to_string(vectors.join(&name)).unwrap(), text, "{name}");
    }
}

#[test]
fn foreign_libraries_verify_envelopes_checkpoints_and_trees() {
    let accounts = ["ed25519", "p256", "secp256k1"].map(|algorithm| {
        let mut account = Account::new(&format!("account {algorithm}"), "100.00");
        account.algorithm = algorithm.to_owned();
        account
    });
    let issued = accounts.each_ref().map(|account| Asset::issued(&issued_by(account), &account.name));
    let decimals = issued.each_ref().map(|asset| format!("\n[assets.{}]\ndecimals = 2\n", asset.name));
    let policy = bundle(&(RULE.to_owned() + &decimals.concat()));
    let world = World::with_assets(programs!(), &policy, &accounts, &issued);
    let agent = world.serve();
    let mut api = agent.api();
    let (mut envelopes, mut expected) = (Vec::new(), Vec::new());
    for (n, account) in accounts.iter().cycle().take(9).enumerate() {
        // Six payments, then an issue by each.
        let (status, spend) = if n < 6 {
            api.pay(&n.to_string(), &account.name, "Fresh Market", &format!("{n}.01 EUR"))
        } else {
            let amount = format!("{n}.01 {}", issued_by(account));
            api.issue(&n.to_string(), &account.name, "Fresh Market", &amount)
        };
        assert_eq!(status, 201, "{spend}");
        let (status, envelope) = api.get(&format!("/v1/spends/{}/envelope", spend["id"]));
        assert_eq!(status, 200, "{envelope}");
        let kind = if n < 6 { "transfer" } else { "issue" };
        assert_eq!(envelope["payloadType"], format!("application/vnd.bursar.{kind}.v1+json"));
        let payload = BASE64.decode(envelope["payload"].as_str().unwrap().as_bytes()).unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(payload["amount"], format!("{}", n * 100 + 1), "{payload}");
        envelopes.push(json!({ "algorithm": account.algorithm, "pem": pem(&world, &account.name), "envelope": envelope }));
        expected.push(format!("envelope {}", account.algorithm));
    }
    let export = world.scratch().join("audit.jsonl");
    assert!(world.run(&["audit", "export", export.to_str().unwrap()]).status.success());
    let exported = std::fs::read_to_string(&export).unwrap().lines().count() - 1;
    assert!(agent.stop().success());
    let note = |name: &str| -> String {
        files::open(&world.home().join(name))
            .query_row("SELECT text FROM checkpoint", [], |row| row.get(0))
            .unwrap()
    };
    let (audit, node) = (pem(&world, "audit"), pem(&world, "node"));
    let (book, ledger) = (leaves(&world, "book.db"), leaves(&world, "ledger.db"));
    expected.extend([format!("log {}", book.len()), "log 9".to_owned(), format!("export {exported}")]);
    let given = json!({
        "envelopes": envelopes,
        "logs": [
            { "checkpoint": note("book.db"), "pem": audit, "leaves": book },
            { "checkpoint": note("ledger.db"), "pem": node, "leaves": ledger },
        ],
        "export": export,
        "export_pem": audit,
    });
    assert_eq!(verify(&given), Ok(expected));

    // The script refuses what does not hold: a payload of another payment, the other log's key, a leaf changed.
    let mut swapped = given.clone();
    swapped["envelopes"][0]["envelope"]["payload"] = given["envelopes"][3]["envelope"]["payload"].clone();
    assert!(verify(&swapped).unwrap_err().contains("Verif"));
    // An issue is no payment of the same nine fields.
    let mut swapped = given.clone();
    swapped["envelopes"][6]["envelope"]["payloadType"] =
        given["envelopes"][0]["envelope"]["payloadType"].clone();
    assert!(verify(&swapped).unwrap_err().contains("Verif"));
    let mut swapped = given.clone();
    swapped["logs"][0]["pem"] = given["logs"][1]["pem"].clone();
    assert!(verify(&swapped).unwrap_err().contains("key id"));
    let mut changed = given.clone();
    changed["logs"][1]["leaves"][4] = json!(BASE64.encode(b"{}"));
    assert!(verify(&changed).unwrap_err().contains("root"));
}
