//! What a worker does with its session: one file per operation.

pub(crate) mod data;
pub(crate) mod derive;
pub(crate) mod find;
pub(crate) mod generate;
pub(crate) mod lookup;
pub(crate) mod sign;
