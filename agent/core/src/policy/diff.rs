//! What another bundle would newly allow and newly deny.
//!
//! A common refinement: in each dimension, values that no rule of either bundle treats differently
//! are one class (`space.rs`). The classes are then gone through axis by axis with the rules that are
//! still about the payment, and no further where both bundles have the same rules left (`search.rs`).
//! At the end stand amounts, fees and times (`leaf.rs`, `times.rs`), all of them exact.
//!
//! The same classes tell whether a rule of one bundle ever comes to bear (`reach.rs`).
//!
//! | part | file |
//! |---|---|
//! | classes of assets, accounts, recipients and so on | `space.rs` |
//! | rules and purposes, all alike | `item.rs` |
//! | approvers who ask themselves | `seats.rs` |
//! | which item is about which class | `table.rs` |
//! | the way through the classes | `search.rs`, with sets of classes in `set.rs` |
//! | amounts, fees, terms | `leaf.rs`, `terms.rs` |
//! | hours and lifetimes | `times.rs` |
//! | what is found, and one payment each | `product.rs`, `witness.rs`, `possible.rs` |
//! | the same in words | `region.rs`, `words.rs` |
//! | administrators, approvers, recipients and so on | `change.rs` |

mod change;
mod error;
mod item;
mod leaf;
mod possible;
mod product;
mod reach;
mod region;
mod search;
mod seats;
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
pub use possible::never;
pub(super) use reach::{Culprit, Fate, Reach};
pub use region::{Difference, Names, Range, Region, Said, Times};
pub use witness::{To, Witness};

use error::Steps;
use item::Items;
use leaf::Leaves;
use product::{Product, products};
use seats::Seating;
use space::Space;
use words::Words;

use super::Policy;
use crate::time::Timestamp;

/// The old bundle and the new one.
type Pair<'a> = [&'a Policy; 2];

/// What differs between two bundles, over all payments from a time on.
///
/// Sound and complete: the bundles judge a payment differently if and only if it is in one of the
/// regions. They do if one allows what the other [never] allows, or if both allow it under other
/// budgets, counts, spacings, first payments or quorums, compared as terms: how full a budget is does
/// not matter, nor how a rule without a budget is called. A payment is what a decoder makes: a
/// recipient and an amount where something is moved, a selector for a call only, and no amount of zero.
///
/// Refuses what takes more than [`MAX_STEPS`], and an asset that has other decimals now.
pub fn diff(old: &Policy, new: &Policy, since: Timestamp) -> Result<Difference, DiffError> {
    within([old, new], since, MAX_STEPS)
}

/// What two bundles name beside their rules and is not the same, whether or not they can be compared.
pub fn changes(old: &Policy, new: &Policy) -> Vec<Change> {
    change::changes([old, new])
}

fn within(pair: Pair<'_>, since: Timestamp, steps: u64) -> Result<Difference, DiffError> {
    comparable(pair)?;
    let mut steps = Steps(steps);
    let mut searched = Searched::of(pair, since, &mut steps)?;
    let words = Words::of(pair, &searched.space);
    let mut regions = Vec::with_capacity(searched.products.len());
    for product in &searched.products {
        regions.extend(words.region(product, &mut searched.leaves, &mut steps)?);
    }
    regions.sort_by_key(|region| region.way);
    Ok(Difference { since, regions, changes: change::changes(pair) })
}

/// With other decimals no two amounts of an asset are comparable.
fn comparable([old, new]: Pair<'_>) -> Result<(), DiffError> {
    for before in old.assets() {
        if let Some(after) = new.asset(before.name().as_str())
            && after.decimals() != before.decimals()
        {
            return Err(DiffError::Decimals { old: before.clone(), new: after.clone() });
        }
    }
    Ok(())
}

/// What was found, before it is put into words.
struct Searched<'a> {
    space: Space,
    leaves: Leaves<'a>,
    products: Vec<Product>,
}

impl<'a> Searched<'a> {
    fn of(pair: Pair<'a>, since: Timestamp, steps: &mut Steps) -> Result<Self, DiffError> {
        let seating = Seating::of(pair, steps)?;
        let space = Space::of(pair, &seating);
        let mut times = times::Times::since(since);
        let items = Items::of(pair, &seating, &mut times);
        let mut leaves = Leaves::new(pair, times);
        let products = products(pair, &space, &items, &mut leaves, steps)?;
        Ok(Self { space, leaves, products })
    }
}
