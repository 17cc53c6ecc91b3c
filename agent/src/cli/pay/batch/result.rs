//! The file of answers beside a file of payments.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::row::Row;
use super::send::Fate;
use crate::durable::{self, Draft};

/// Largest file in bytes.
const LONGEST: u64 = 1 << 30;

/// `november.csv` -> `november.result.csv`
pub fn path(file: &Path) -> PathBuf {
    let csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let stem = if csv { file.file_stem() } else { file.file_name() };
    let mut name = OsString::from(stem.unwrap_or_default());
    name.push(".result.csv");
    file.with_file_name(name)
}

/// Writes id, state, spend, reason of every row, whole or not at all, and durably.
pub fn write(path: &Path, rows: &[(Row, Fate)]) -> std::io::Result<()> {
    let mut csv = csv::Writer::from_writer(Draft::new(path)?);
    csv.write_record(["id", "state", "spend", "reason"])?;
    for (row, fate) in rows {
        let spend =
            fate.spend().map(|spend| spend.id).or(row.earlier).map(|id| id.to_string()).unwrap_or_default();
        csv.write_record([&*harmless(&row.id), &fate.state(), &spend, &*harmless(&fate.reason(row))])?;
    }
    csv.into_inner().map_err(|error| error.into_error())?.publish()
}

/// The spends that an earlier result names, by id; none if there is no result.
pub fn spends(path: &Path) -> std::io::Result<HashMap<String, u64>> {
    let bytes = match durable::read(path, LONGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error),
    };
    let mut found = HashMap::new();
    for row in csv::ReaderBuilder::new().flexible(true).from_reader(&*bytes).records() {
        // Somebody else's file under this name is not worth stopping for.
        let Ok(row) = row else { continue };
        if let (Some(id), Some(Ok(spend))) = (row.get(0), row.get(2).map(str::parse)) {
            found.insert(original(id).to_owned(), spend);
        }
    }
    Ok(found)
}

/// Fields that a spreadsheet would run as a formula begin with an apostrophe instead
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn harmless(field: &str) -> Cow<'_, str> {
    if runs(field) { Cow::Owned(format!("'{field}")) } else { Cow::Borrowed(field) }
}

fn original(field: &str) -> &str {
    field.strip_prefix('\'').filter(|rest| runs(rest)).unwrap_or(field)
}

/// Also behind apostrophes, so that what was added can be told from what was there.
fn runs(field: &str) -> bool {
    field.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::row;
    use super::*;

    #[test]
    fn stands_beside_the_file() {
        for (file, result) in [
            ("november.csv", "november.result.csv"),
            ("/a/b.c/november.CSV", "/a/b.c/november.result.csv"),
            ("payments", "payments.result.csv"),
            ("payments.txt", "payments.txt.result.csv"),
        ] {
            assert_eq!(path(Path::new(file)), Path::new(result));
        }
    }

    #[test]
    fn formulas_are_written_as_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.result.csv");
        let text = "id,from,to,amount,asset\n=1+1,a,b,1,EUR\n@x,a,b,x,EUR\n'=2,a,b,1,EUR\n";
        let mut rows = row::read(text.as_bytes()).unwrap();
        rows[2].earlier = Some(5);
        let fates = [Fate::NotAsked, Fate::Refused("-1 is no good".to_owned()), Fate::NotAsked];
        write(&file, &rows.into_iter().zip(fates).collect::<Vec<_>>()).unwrap();
        let written = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = written.lines().collect();
        assert_eq!(lines[0], "id,state,spend,reason");
        assert!(lines[1].starts_with("'=1+1,not-asked,,"), "{written}");
        assert_eq!(lines[2], "'@x,bad-row,,line 3: -1 is no good");
        assert!(lines[3].starts_with("''=2,not-asked,5,"), "{written}");
        assert_eq!(spends(&file).unwrap(), HashMap::from([("'=2".to_owned(), 5)]));
        std::fs::write(&file, "id,state,spend,reason\n'=1+1,recorded,7,\na,denied,8,no\nb,bad-row,,x\n")
            .unwrap();
        let expected = HashMap::from([("=1+1".to_owned(), 7), ("a".to_owned(), 8)]);
        assert_eq!(spends(&file).unwrap(), expected);
    }
}
