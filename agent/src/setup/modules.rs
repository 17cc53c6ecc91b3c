//! Where PKCS#11 modules are found: the paths that distributions use, and p11-kit's registry.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by their path below a library folder.
const KNOWN: [&str; 13] = [
    "softhsm/libsofthsm2.so",
    "pkcs11/libsofthsm2.so",
    "libsofthsm2.so",
    "opensc-pkcs11.so",
    "pkcs11/opensc-pkcs11.so",
    "libykcs11.so",
    "libykcs11.so.2",
    "pkcs11/yubihsm_pkcs11.so",
    "yubihsm_pkcs11.so",
    "libtpm2_pkcs11.so.1",
    "pkcs11/libtpm2_pkcs11.so",
    "libkryoptic_pkcs11.so",
    "opencryptoki/libopencryptoki.so",
];
/// Folders with libraries; the subfolders of the first hold those of one architecture each.
const LIBRARIES: [&str; 3] = ["usr/lib", "usr/lib64", "usr/local/lib"];
/// p11-kit's registry: one text file a module.
const REGISTRY: [&str; 2] = ["usr/share/p11-kit/modules", "etc/pkcs11/modules"];
/// Modules of the registry that hold no keys to sign with: p11-kit's own go-betweens, trust stores.
const NO_TOKENS: [&str; 4] =
    ["p11-kit-trust.so", "p11-kit-client.so", "p11-kit-proxy.so", "gnome-keyring-pkcs11.so"];

/// Variables that modules read and that name files, never secrets. A home records those that are
/// set when it is made, so that the agent finds the same tokens whoever starts it.
pub const ENVIRONMENT: [&str; 6] = [
    "SOFTHSM2_CONF",
    "YUBIHSM_PKCS11_CONF",
    "KRYOPTIC_CONF",
    "TPM2_PKCS11_STORE",
    "OPENSC_CONF",
    "PKCS11_PROXY_SOCKET",
];

/// Every module below `root` (`/`, except in tests), each once, by the first path that leads to it.
pub fn installed(root: &Path) -> Vec<PathBuf> {
    let mut found = BTreeMap::new();
    let folders = library_folders(root);
    let known = folders.iter().flat_map(|folder| KNOWN.iter().map(move |name| folder.join(name)));
    for path in known.chain(registered(root, &folders)) {
        if let Ok(real) = fs::canonicalize(&path)
            && real.is_file()
        {
            found.entry(real).or_insert(path);
        }
    }
    let mut paths: Vec<_> = found.into_values().collect();
    paths.sort();
    paths
}

/// SoftHSM's module, if it is installed.
pub fn softhsm(root: &Path) -> Option<PathBuf> {
    installed(root).into_iter().find(|path| path.file_name().is_some_and(|name| name == "libsofthsm2.so"))
}

/// The variables of [`ENVIRONMENT`] that are set, through `lookup`.
pub fn environment(lookup: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    ENVIRONMENT.iter().filter_map(|name| Some(((*name).to_owned(), lookup(name)?))).collect()
}

fn library_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = LIBRARIES.iter().map(|folder| root.join(folder)).collect();
    let architectures = entries(&root.join("usr/lib"));
    folders.extend(architectures.into_iter().filter(|path| {
        // `x86_64-linux-gnu`, `aarch64-linux-gnu`, …: not every program's own folder.
        path.is_dir() && path.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-"))
    }));
    folders
}

/// `module: PATH`; a path without folder is below p11-kit's own (pkcs11.conf(5)).
fn registered(root: &Path, folders: &[PathBuf]) -> Vec<PathBuf> {
    let files = REGISTRY.iter().flat_map(|registry| entries(&root.join(registry)));
    let names =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "module")).filter_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find_map(|line| line.trim().strip_prefix("module:"))?;
            Some(line.trim().to_owned())
        });
    let usable = names.filter(|name| !NO_TOKENS.iter().any(|not| name.ends_with(not)));
    usable
        .flat_map(|name| match name.strip_prefix('/') {
            Some(absolute) => vec![root.join(absolute)],
            None => folders.iter().map(|folder| folder.join("pkcs11").join(&name)).collect(),
        })
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn finds_known_paths_and_registered_modules_each_once() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(installed(root), Vec::<PathBuf>::new());
        assert_eq!(softhsm(root), None);
        file(root, "usr/lib/softhsm/libsofthsm2.so", "");
        file(root, "usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "");
        file(root, "usr/lib/riscv64-linux-gnu/pkcs11/vendor.so", "");
        file(root, "opt/vendor/hsm.so", "");
        fs::create_dir_all(root.join("usr/lib/x86_64-linux-gnu/softhsm")).unwrap();
        std::os::unix::fs::symlink(
            root.join("usr/lib/softhsm/libsofthsm2.so"),
            root.join("usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
        )
        .unwrap();
        for (name, module) in [
            ("a", "# x\nmodule: vendor.so\n"),
            ("b", "module: /opt/vendor/hsm.so"),
            ("c", "module: p11-kit-trust.so"),
            ("d", "module: /gone.so"),
            ("e", "nothing"),
        ] {
            file(root, &format!("usr/share/p11-kit/modules/{name}.module"), module);
        }
        let expected = [
            "opt/vendor/hsm.so",
            "usr/lib/riscv64-linux-gnu/pkcs11/vendor.so",
            "usr/lib/softhsm/libsofthsm2.so",
            "usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
        ];
        assert_eq!(installed(root), expected.map(|path| root.join(path)));
        assert_eq!(softhsm(root), Some(root.join("usr/lib/softhsm/libsofthsm2.so")));
    }

    #[test]
    fn records_what_modules_read_and_nothing_else() {
        let set = environment(|name| (name == "SOFTHSM2_CONF").then(|| "/etc/softhsm2.conf".to_owned()));
        assert_eq!(set, BTreeMap::from([("SOFTHSM2_CONF".to_owned(), "/etc/softhsm2.conf".to_owned())]));
    }
}
