//! The file of answers beside a file of payments.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::row::Row;
use super::send::Fate;
use crate::durable::Draft;

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
        let spend = fate.id().map(|id| id.to_string()).unwrap_or_default();
        csv.write_record([&*harmless(&row.id), &fate.state(), &spend, &*harmless(&fate.reason(row))])?;
    }
    csv.into_inner().map_err(|error| error.into_error())?.publish()
}

/// Fields that a spreadsheet would run as a formula begin with an apostrophe instead
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn harmless(field: &str) -> Cow<'_, str> {
    let runs = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if runs { Cow::Owned(format!("'{field}")) } else { Cow::Borrowed(field) }
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
        let text = "id,from,to,amount,asset\n=1+1,a,b,1,EUR\n@x,a,b,x,EUR\n2,a,b,1,EUR\n";
        let rows = row::read(text.as_bytes()).unwrap();
        let held = Fate::Unanswered { why: "-".to_owned(), spend: Some(5), in_doubt: true };
        let fates = [Fate::NotAsked, Fate::Refused("-1 is no good".to_owned()), held];
        write(&file, &rows.into_iter().zip(fates).collect::<Vec<_>>()).unwrap();
        let written = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = written.lines().collect();
        assert_eq!(lines[0], "id,state,spend,reason");
        assert!(lines[1].starts_with("'=1+1,not-asked,,"), "{written}");
        assert_eq!(lines[2], "'@x,bad-row,,line 3: -1 is no good");
        assert_eq!(lines[3], "2,unanswered,5,'-", "a payment that is held is named");
    }
}
