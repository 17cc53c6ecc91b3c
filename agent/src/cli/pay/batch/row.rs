//! The rows of a file of payments: bytes -> requests, or what is wrong with a row.

use std::collections::HashMap;

use bursar_core::decode::transfer::Memo;
use bursar_core::name::Name;
use csv::{ByteRecord, ReaderBuilder, Trim};

use super::lines::Lines;
use crate::book::request::{Recipient, SpendRequest};
use crate::cli::pay::amount;

/// Most rows of one file.
const MOST: usize = 1_000_000;
/// Longest id in characters; with the rest of the key it stays below the 128 of an Idempotency-Key.
const LONGEST_ID: usize = 64;
/// The columns, as an error shows them.
const COLUMNS: &str = "id,from,to,amount,asset,memo";

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its first line in the file, from 1.
    pub line: u64,
    /// Its id as it was written, also where it is none.
    pub id: String,
    /// The payment, or why it is none.
    pub payment: Result<Payment, String>,
}

/// What a row asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// 1 to [`LONGEST_ID`] printable ASCII characters.
    id: String,
    /// The amount as the file has it: `120.50 EUR`.
    pub amount: String,
    /// The body.
    pub request: SpendRequest,
}

impl Payment {
    /// The Idempotency-Key of the first attempt is `csv:ID`, that of the second `csv#2:ID`, and so on.
    ///
    /// Nothing else of the row or of its file is part of it, so the agent knows a payment again
    /// however it was edited, renamed or cut. The number stands before the id, which may hold a `#`.
    pub fn key(&self, attempt: u32) -> String {
        match attempt {
            1 => format!("csv:{}", self.id),
            _ => format!("csv#{attempt}:{}", self.id),
        }
    }
}

/// Where each column stands.
struct Columns {
    count: usize,
    id: usize,
    from: usize,
    to: usize,
    amount: usize,
    asset: usize,
    memo: Option<usize>,
}

/// Reads a whole file. An error is about the file; a row's own fault stays with the row.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, String> {
    // Spreadsheets begin UTF-8 with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(bytes);
    let (mut record, mut rows, mut seen) = (ByteRecord::new(), Vec::new(), HashMap::new());
    let mut lines = Lines::new(bytes);
    let broken = |error: csv::Error| error.to_string();
    if !reader.read_byte_record(&mut record).map_err(broken)? {
        return Err(format!("it is empty; its first line has to be {COLUMNS}"));
    }
    let columns = Columns::find(&record)?;
    loop {
        let start = place(reader.position());
        if !reader.read_byte_record(&mut record).map_err(broken)? {
            return Ok(rows);
        }
        if rows.len() == MOST {
            return Err(format!("it has more than {MOST} rows; split it"));
        }
        let mut row = columns.row(&record, lines.of(start, place(reader.position())));
        if row.payment.is_ok() {
            // The first of two keeps its id: whichever was meant, one payment under one id is safe.
            if let Some(first) = seen.insert(row.id.clone(), row.line) {
                seen.insert(row.id.clone(), first);
                row.payment =
                    Err(format!("the id {:?} was used in line {first} already; give it another", row.id));
            }
        }
        rows.push(row);
    }
}

fn place(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

impl Columns {
    fn find(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
        let wrong = |what: String| {
            format!("{what}; its first line has to be {COLUMNS}, separated by commas (memo may be left out)")
        };
        if let Some(name) = names.iter().find(|name| !COLUMNS.split(',').any(|known| known == **name)) {
            return Err(wrong(format!("there is no column {:?}", name.chars().take(60).collect::<String>())));
        }
        let at = |name: &str| names.iter().position(|found| found == name);
        let need = |name: &str| at(name).ok_or_else(|| wrong(format!("the column {name} is missing")));
        let columns = Self {
            count: names.len(),
            id: need("id")?,
            from: need("from")?,
            to: need("to")?,
            amount: need("amount")?,
            asset: need("asset")?,
            memo: at("memo"),
        };
        let known = 5 + usize::from(columns.memo.is_some());
        if columns.count == known { Ok(columns) } else { Err(wrong("a column is there twice".to_owned())) }
    }

    fn row(&self, record: &ByteRecord, (line, last): (u64, u64)) -> Row {
        let text = |at: usize| record.get(at).unwrap_or_default();
        let id: String = String::from_utf8_lossy(text(self.id)).chars().take(LONGEST_ID + 1).collect();
        let payment = if last > line {
            // One mark too many would take the rows that follow for its text.
            Err(format!(
                "a quotation mark is opened and not closed before line {last}; close it, and no row up to there was read"
            ))
        } else {
            self.payment(record, &id)
        };
        Row { line, payment, id }
    }

    fn payment(&self, record: &ByteRecord, id: &str) -> Result<Payment, String> {
        if record.len() != self.count {
            return Err(format!(
                "it has {} columns, not {}; quote a field that holds a comma: \"a, b\"",
                record.len(),
                self.count
            ));
        }
        let text = |name: &str, at: usize| {
            let bytes = record.get(at).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8; save the file as CSV UTF-8"))
        };
        text("the id", self.id)?;
        if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return Err(format!("its id has to be 1 to {LONGEST_ID} printable ASCII characters"));
        }
        let from: Name = text("from", self.from)?.parse().map_err(|error| format!("from: {error}"))?;
        let to =
            Recipient::try_from(text("to", self.to)?.to_owned()).map_err(|error| format!("to: {error}"))?;
        let (number, asset) = (text("amount", self.amount)?, text("asset", self.asset)?);
        let amount = amount::parse(number, asset)?;
        let memo = self.memo.map_or(Ok(""), |at| text("memo", at))?;
        let memo: Memo =
            memo.parse().map_err(|error: bursar_core::decode::transfer::MemoError| error.to_string())?;
        let request = SpendRequest { action: Default::default(), from, to, amount, memo };
        Ok(Payment { id: id.to_owned(), amount: format!("{number} {asset}"), request })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn only(text: &str) -> Row {
        let rows = read(text.as_bytes()).unwrap();
        assert_eq!(rows.len(), 1, "{text}");
        rows.into_iter().next().unwrap()
    }

    const HEADER: &str = "id,from,to,amount,asset,memo\n";

    #[test]
    fn reads_what_spreadsheets_write() {
        let expected =
            only(&format!("{HEADER}a 1,expenses,Fresh Market,120.50,EUR,\"milk, \"\"fresh\"\"\"\n"));
        let payment = expected.payment.clone().unwrap();
        assert_eq!(payment.request.memo.as_str(), "milk, \"fresh\"");
        assert_eq!((payment.amount.as_str(), payment.request.amount.as_str()), ("120.50 EUR", "120.5 EUR"));
        assert_eq!(expected.line, 2);
        assert_eq!(payment.key(1), "csv:a 1");
        for text in [
            "\u{feff}id,from,to,amount,asset,memo\r\na 1,expenses,Fresh Market,120.50,EUR,\"milk, \"\"fresh\"\"\"\r\n",
            "ID, From ,to,amount,asset,memo\na 1, expenses ,Fresh Market,120.50,EUR,\"milk, \"\"fresh\"\"\"",
            "memo,asset,amount,to,from,id\n\"milk, \"\"fresh\"\"\",EUR,120.50,Fresh Market,expenses,a 1\n",
        ] {
            assert_eq!(only(text), expected, "{text}");
        }
        let rows =
            read(format!("{}\r\n\r\n{}", HEADER.trim_end(), "1,a,b,1,EUR,\r\n2,a,b,1,EUR,\r\n").as_bytes())
                .unwrap();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4]);
        let without = only("id,from,to,amount,asset\n1,expenses,Fresh Market,1,EUR\n");
        assert!(without.payment.unwrap().request.memo.as_str().is_empty());
    }

    #[test]
    fn a_bad_row_is_named_and_the_others_go_on() {
        let good = "9,expenses,Fresh Market,1.00,EUR,";
        for (bad, says) in [
            ("1,expenses,Fresh Market,1.00,EUR", "5 columns, not 6"),
            ("1,expenses,Fresh Market,1.00,EUR,a,b", "7 columns, not 6"),
            ("1,expenses,Fresh Market,1,50,EUR,", "7 columns, not 6"),
            ("1,expenses,Fresh Market,\"1,50\",EUR,", "\"1,50\" is not an amount"),
            ("1,expenses,Fresh Market,-1,EUR,", "\"-1\" is not an amount"),
            ("1,expenses,Fresh Market,,EUR,", "\"\" is not an amount"),
            ("1,expenses,Fresh Market,1.00,,", "the asset"),
            ("1,,Fresh Market,1.00,EUR,", "from"),
            ("1,expenses,,1.00,EUR,", "to: a recipient"),
            (",expenses,Fresh Market,1.00,EUR,", "its id"),
            ("é,expenses,Fresh Market,1.00,EUR,", "its id"),
            ("1,expenses,Fresh Market,1.00,EUR,a\u{202e}b", "U+202E"),
            ("9,expenses,Other Market,1.00,EUR,", "used in line 2 already"),
        ] {
            let rows = read(format!("{HEADER}{good}\n{bad}\n8{}\n", good.trim_start_matches('9')).as_bytes())
                .unwrap();
            assert_eq!(rows.len(), 3, "{bad}");
            let why = rows[1].payment.clone().unwrap_err();
            assert!(why.contains(says), "{bad}: {why}");
            assert_eq!(rows[1].line, 3);
            assert!(rows[0].payment.is_ok() && rows[2].payment.is_ok(), "{bad}");
        }
    }

    #[test]
    fn an_open_quotation_mark_swallows_nothing_silently() {
        let rows =
            read(format!("{HEADER}1,a,b,1,EUR,\"open\n2,a,b,1,EUR,\n3,a,b,1,EUR,\n").as_bytes()).unwrap();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].payment.clone().unwrap_err().contains("before line 4"), "{rows:?}");
    }

    #[test]
    fn refuses_a_file_without_its_header() {
        for (text, says) in [
            ("", "it is empty"),
            ("1,expenses,Fresh Market,1.00,EUR,", "no column \"1\""),
            ("id;from;to;amount;asset;memo\n", "separated by commas"),
            ("id,from,to,amount,asset,memo,iban\n", "no column \"iban\""),
            ("id,from,to,amount\n", "column asset is missing"),
            ("id,id,from,to,amount,asset\n", "there twice"),
        ] {
            let why = read(text.as_bytes()).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
        let latin = b"id,from,to,amount,asset,memo\n1,a,b,1,EUR,M\xfcller\n";
        assert!(read(latin).unwrap()[0].payment.clone().unwrap_err().contains("CSV UTF-8"));
    }

    #[test]
    fn the_key_is_the_id_and_nothing_else() {
        let payment = |row: &str| only(&format!("{HEADER}{row}\n")).payment.unwrap();
        let first = payment("1,expenses,Fresh Market,1.00,EUR,");
        for (row, same_body) in [
            ("1, expenses,Fresh Market ,1.00,EUR, ", true),
            ("1,expenses,Fresh Market,1.0,EUR,", true),
            ("1,expenses,Fresh Market,1,EUR,", true),
            ("1,payroll,Fresh Market,1.00,EUR,", false),
            ("1,expenses,Old Market,1.00,EUR,", false),
            ("1,expenses,Fresh Market,1.01,EUR,", false),
            ("1,expenses,Fresh Market,1.00,USD,", false),
            ("1,expenses,Fresh Market,1.00,EUR,x", false),
        ] {
            let other = payment(row);
            assert_eq!(first.key(1), other.key(1), "{row}");
            assert_eq!(first.request == other.request, same_body, "{row}");
        }
        // No attempt at one id is an attempt at another.
        let ids = ["1", "1#2", "#2:1", "2:1", "1#2#2", ":1"];
        let keys = ids.iter().flat_map(|id| {
            let payment = payment(&format!("{id},expenses,Fresh Market,1.00,EUR,"));
            (1..=3).map(move |attempt| payment.key(attempt))
        });
        assert_eq!(keys.collect::<std::collections::HashSet<_>>().len(), 3 * ids.len());
        let longest = payment(&format!("{},expenses,Fresh Market,1.00,EUR,", "x".repeat(LONGEST_ID)));
        assert!(longest.key(u32::MAX).parse::<crate::book::request::IdempotencyKey>().is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>) {
            let mut text = HEADER.as_bytes().to_vec();
            text.extend_from_slice(&bytes);
            let _ = read(&bytes);
            prop_assert!(read(&text).is_ok());
        }
    }
}
