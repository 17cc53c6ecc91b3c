//! What an earlier run of the same file has paid: a row that was paid is not changed and paid again.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::Connection;

use super::result;
use super::row::{Row, key_prefix};
use crate::book::read;
use crate::book::view::{Spend, State};
use crate::cli::error::CliError;

/// Refuses rows that an earlier run has paid with another content, as the result beside the file
/// and the book say. Without a result there is nothing to compare with.
pub fn refuse_changed(rows: &mut [Row], result: &Path, home: &Path) -> Result<(), CliError> {
    let paid = result::spends(result).map_err(|source| CliError::File { path: result.to_owned(), source })?;
    if paid.is_empty() {
        return Ok(());
    }
    let book = read::open(home)?;
    for row in rows {
        let Some(spend) = held(&book, &paid, &row.id)? else { continue };
        // Goes into the next result, whatever becomes of the row, so that it is not forgotten.
        row.earlier = Some(spend.id);
        if row.payment.as_ref().is_ok_and(|payment| spend.key != payment.key.as_str()) {
            row.payment = Err(format!(
                "this id was paid before, with another content ({} {} to {}, spend {}, {}); give a new payment a new id",
                spend.amount, spend.asset, spend.recipient, spend.id, spend.state
            ));
        }
    }
    Ok(())
}

/// The payment that was made under this id, if it was and still counts.
fn held(book: &Connection, paid: &HashMap<String, u64>, id: &str) -> Result<Option<Spend>, CliError> {
    let Some(spend) = paid.get(id) else { return Ok(None) };
    let spend = read::spend(book, *spend)?;
    // A result from another home names spends that are about something else.
    Ok(spend.filter(|spend| {
        !matches!(spend.state, State::Denied | State::Expired) && spend.key.starts_with(&key_prefix(id))
    }))
}
