//! House rules that a machine can keep.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files that git tracks or would track, relative to the top.
fn files() -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(top)
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let names = String::from_utf8(listed.stdout).unwrap();
    let found: Vec<_> = names
        .lines()
        .filter_map(|name| Some((PathBuf::from(name), std::fs::read_to_string(top.join(name)).ok()?)))
        .collect();
    assert!(found.len() > 50, "only {} files found", found.len());
    found
}

fn rust() -> impl Iterator<Item = (PathBuf, String)> {
    files().into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "rs"))
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long: Vec<_> = rust().filter(|(_, text)| text.lines().count() > 500).map(|(path, _)| path).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn unsafe_only_in_pkcs11() {
    let found: Vec<_> = rust()
        .filter(|(path, _)| !path.starts_with("pkcs11"))
        .filter(|(_, text)| {
            ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
                .iter()
                .any(|word| text.lines().any(|line| line.contains(word) && !line.contains("[\"unsafe")))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

/// Is this line's `yubihsm` the crate, and no module of that name?
fn names_yubihsm(line: &str) -> bool {
    let rooted = line
        .match_indices("::yubihsm")
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_'));
    rooted || line.trim_start().starts_with("use yubihsm")
}

#[test]
fn imports_go_one_way() {
    let found: Vec<_> = rust()
        .filter(|(path, text)| {
            let code = || text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let uses = |word: &str| code().any(|line| line.contains(word));
            let agent = path.starts_with("agent/src");
            let wrong = [
                // Only the token, and what makes one, know PKCS#11.
                agent
                    && uses("bursar_pkcs11")
                    && !["agent/src/token", "agent/src/token.rs"].iter().any(|home| path.starts_with(home)),
                // And only the token knows the crate yubihsm: as `::yubihsm`, or in a `use` of its own.
                agent && !path.starts_with("agent/src/token") && code().any(names_yubihsm),
                // One file runs the simulated device; everything else talks to it like to any other.
                agent && uses("firmware_sim") && path != Path::new("agent/src/token/simulated.rs"),
                path.starts_with("agent/core/src") && (uses("bursar::") || uses("bursar_pkcs11")),
                path.starts_with("pkcs11/src") && (uses("bursar::") || uses("bursar_core")),
                // It is written from the protocol, and none of its clients' code is in it.
                path.starts_with("firmware-sim/src")
                    && (uses("bursar") || uses("pkcs11") || code().any(names_yubihsm)),
                agent
                    && uses("crate::cli")
                    && !path.starts_with("agent/src/cli")
                    && path != Path::new("agent/src/main.rs"),
                path.starts_with("agent/src/store")
                    && (uses("crate::book") || uses("crate::spend") || uses("crate::http")),
            ];
            wrong.contains(&true)
        })
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_core_is_pure() {
    let found: Vec<_> = rust()
        .filter(|(path, _)| path.starts_with("agent/core/src"))
        .filter(|(_, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap_or(text);
            [
                "SystemTime",
                "Instant::now",
                "std::fs",
                "std::net",
                "std::env",
                "tokio",
                "getrandom",
                "rand::",
                "static mut",
            ]
            .iter()
            .any(|word| code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word)))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn nothing_is_left_over() {
    let words = ["todo!(", "unimplemented!(", "dbg!(", "TO\u{44}O", "FIX\u{4d}E", "#[ignore"];
    let found: Vec<_> = rust()
        .filter(|(path, _)| path != Path::new("tests/e2e/tidy.rs"))
        .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "{found:?}");
}
