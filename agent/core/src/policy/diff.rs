//! What another bundle would newly allow and newly deny.
//!
//! A common refinement: in each dimension, values that no rule of either bundle treats differently
//! are one class (`space.rs`). The classes are then gone through axis by axis with the rules that are
//! still about the payment, and no further where both bundles have the same rules left (`search.rs`).
//! At the end stand amounts, fees and times (`leaf.rs`, `times.rs`), all of them exact.
//!
//! | part | file |
//! |---|---|
//! | classes of assets, accounts, recipients and so on | `space.rs` |
//! | rules and purposes, all alike | `item.rs` |
//! | which item is about which class | `table.rs` |
//! | the way through the classes | `search.rs`, with sets of classes in `set.rs` |
//! | amounts, fees, terms | `leaf.rs`, `terms.rs` |
//! | hours and lifetimes | `times.rs` |
//! | what is found, and one payment each | `product.rs`, `witness.rs` |
//! | the same in words | `region.rs`, `words.rs` |
//! | administrators, approvers, recipients and so on | `change.rs` |

mod change;
mod error;
mod item;
mod leaf;
mod product;
mod region;
mod search;
mod set;
mod space;
mod table;
mod terms;
mod times;
mod witness;
mod words;

#[cfg(test)]
mod tests;

pub use change::{About, Change};
pub use error::{DiffError, MAX_STEPS};
pub use leaf::Way;
pub use region::{Difference, Names, Range, Region, Said, Times};
pub use witness::{To, Witness};

use error::Steps;
use item::Items;
use leaf::Leaves;
use product::{Product, products};
use space::Space;
use words::Words;

use super::Policy;
use crate::time::Timestamp;

/// The old bundle and the new one.
type Pair<'a> = [&'a Policy; 2];

/// What differs between two bundles, over all payments from a time on.
///
/// Sound and complete: the bundles judge a payment differently if and only if it is in one of the
/// regions. They do if one allows what the other denies, or if both allow it under other budgets,
/// counts, spacings, first payments or quorums, compared as terms: how full a budget is does not
/// matter, nor how a rule without a budget is called. A payment is what a decoder makes: a recipient
/// and an amount where something is moved, a selector for a call only, and no amount of zero.
///
/// Refuses what takes more than [`MAX_STEPS`].
pub fn diff(old: &Policy, new: &Policy, since: Timestamp) -> Result<Difference, DiffError> {
    within([old, new], since, MAX_STEPS)
}

/// What two bundles name beside their rules and is not the same, however much their rules differ; and
/// what of it is surely not meant.
pub fn changes(old: &Policy, new: &Policy) -> (Vec<Change>, Vec<String>) {
    change::changes([old, new])
}

fn within(pair: Pair<'_>, since: Timestamp, steps: u64) -> Result<Difference, DiffError> {
    let mut steps = Steps(steps);
    let mut searched = Searched::of(pair, since, &mut steps)?;
    let words = Words::of(pair, &searched.space);
    let mut regions = Vec::with_capacity(searched.products.len());
    for product in &searched.products {
        regions.extend(words.region(product, &mut searched.leaves, &mut steps)?);
    }
    regions.sort_by_key(|region| region.way);
    let (changes, warnings) = change::changes(pair);
    Ok(Difference { since, regions, changes, warnings })
}

/// What was found, before it is put into words.
struct Searched<'a> {
    space: Space,
    leaves: Leaves<'a>,
    products: Vec<Product>,
}

impl<'a> Searched<'a> {
    fn of(pair: Pair<'a>, since: Timestamp, steps: &mut Steps) -> Result<Self, DiffError> {
        let space = Space::of(pair);
        let mut times = times::Times::since(since);
        let items = Items::of(pair, &mut times);
        let mut leaves = Leaves::new(pair, times);
        let products = products(pair, &space, &items, &mut leaves, steps)?;
        Ok(Self { space, leaves, products })
    }
}
