//! Test vectors: one scenario per JSON file, found by folder, with its source inside.

use std::path::Path;

use serde_json::Value;

/// Every file of a folder below `tests/vectors`; a folder without one fails the test.
pub fn folder(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    let files: Vec<Value> = std::fs::read_dir(&path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .map(|entry| {
            let file = entry.unwrap().path();
            let value: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            assert!(value["source"].is_string(), "{} names no source", file.display());
            value
        })
        .collect();
    assert!(!files.is_empty(), "no vectors in {}", path.display());
    files
}

/// The cases of every file of a folder.
pub fn cases(name: &str, list: &str) -> Vec<Value> {
    folder(name).iter().flat_map(|file| file[list].as_array().unwrap().clone()).collect()
}

/// A field that has to be text.
pub fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("no text {field:?} in {case}"))
}

/// A field that has to be hex.
pub fn hex(case: &Value, field: &str) -> Vec<u8> {
    bytes(text(case, field))
}

/// Bytes of hex.
pub fn bytes(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}
