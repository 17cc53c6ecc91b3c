//! What other callers have paid: the agent keeps the keys of callers apart, an id stands for one payment.

use std::collections::{BTreeSet, HashMap};

use bursar_core::name::Name;
use rusqlite::{Connection, OptionalExtension};

use super::ask::ATTEMPTS;
use super::row::{Payment, Row};
use crate::book::read;
use crate::book::request::idempotency_id;
use crate::book::view::{Spend, State};
use crate::caller::User;
use crate::config::Config;
use crate::store::{StoreError, file};

/// The rows, by their index, that another caller of this home has paid, or is paying, under their id.
///
/// Two callers that give one file in the same second do not see each other.
pub fn paid(rows: &[Row], config: &Config) -> Result<HashMap<usize, Spend>, StoreError> {
    if config.remote.is_some() {
        // The book is not here.
        return Ok(HashMap::new());
    }
    let own = config.callers.of_process().map(|own| (own.name, own.user.filter(|user| user.shares)));
    let book = read::open(&config.home)?;
    let names = config.callers.iter().map(|caller| (caller.name.clone(), None));
    let mut others: BTreeSet<(Name, Option<User>)> = names.collect();
    if config.callers.iter().any(|caller| config.callers.is_shared(&caller.name)) {
        others.extend(read::members(&book)?.into_iter().map(|(name, user)| (name, Some(user))));
    }
    if let Some(own) = &own {
        others.remove(own);
    }
    let mut found = HashMap::new();
    for (i, payment) in rows.iter().enumerate().filter_map(|(i, row)| Some((i, row.payment.as_ref().ok()?))) {
        for caller in &others {
            if let Some(spend) = held(&book, caller, payment)? {
                found.insert(i, spend);
            }
        }
    }
    Ok(found)
}

/// The payment of a caller under a row's id that was made, or can still be.
fn held(
    book: &Connection,
    (caller, user): &(Name, Option<User>),
    payment: &Payment,
) -> Result<Option<Spend>, StoreError> {
    for attempt in 1..=ATTEMPTS {
        let Ok(key) = payment.key(attempt).parse() else { break };
        let known = || {
            book.prepare_cached("SELECT id FROM spends WHERE idem = ?1")?
                .query_row([idempotency_id(caller, *user, &key).as_slice()], |row| row.get(0))
                .optional()
        };
        let Some(id) = known().map_err(|source| file::failed(book, source))? else { break };
        match read::spend(book, id)? {
            Some(spend) if !matches!(spend.state, State::Denied | State::Expired) => return Ok(Some(spend)),
            _ => {}
        }
    }
    Ok(None)
}
