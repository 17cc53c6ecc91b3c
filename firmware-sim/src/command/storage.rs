//! How much room there is.

use crate::context::Context;
use crate::error::Code;
use crate::reader::Reader;
use crate::store::{PAGE, PAGES, RECORDS};

/// Records in all (2), free (2), pages in all (2), free (2), bytes of a page (2).
pub(super) fn info(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    data.end()?;
    let store = &context.memory.now().store;
    let fields = [RECORDS, store.free_records(), PAGES, store.free_pages(), PAGE];
    Ok(fields.into_iter().flat_map(u16::to_be_bytes).collect())
}
