//! Payments that differ in the same way, as a product of sets, over all shapes of transactions.

use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

use super::error::{DiffError, Steps};
use super::item::Items;
use super::leaf::Leaves;
use super::search::Search;
use super::space::{AXES, Axis, Space};
use super::table::{Shape, Tables};
use super::{Pair, item::What};
use crate::intent::Action;

/// Steps that it takes to put one kind of difference into words; so there are ten thousand at most.
const IN_WORDS: u64 = super::error::MAX_STEPS / 10_000;

/// Any of these actions, with any class of each axis, with what its leaf says.
#[derive(Clone, Debug)]
pub(super) struct Product {
    /// Bit i for the i-th action.
    actions: u8,
    sets: [Rc<[u32]>; AXES],
    pub leaf: u32,
}

impl Product {
    pub(super) fn actions(&self) -> Vec<Action> {
        Action::ALL.into_iter().filter(|action| self.actions >> *action as u8 & 1 == 1).collect()
    }

    /// The classes of one axis, in order.
    pub(super) fn classes(&self, axis: Axis) -> &[u32] {
        &self.sets[axis as usize]
    }
}

/// Everything that differs, no payment twice.
pub(super) fn products(
    pair: Pair<'_>,
    space: &Space,
    items: &Items,
    leaves: &mut Leaves<'_>,
    steps: &mut Steps,
) -> Result<Vec<Product>, DiffError> {
    let mut known: HashMap<Rc<[u32]>, Rc<[u32]>> = HashMap::new();
    let mut products = Vec::new();
    for shape in Shape::ALL {
        let allows = |action: Action| {
            items.list.iter().any(|item| item.what == What::Allow && item.actions[action as usize])
        };
        if !shape.actions().any(allows) {
            continue;
        }
        let tables = Tables::of(pair, space, items, shape);
        let mut search = Search::new(items, &tables, leaves, steps);
        let mut found = Vec::new();
        for action in shape.actions() {
            found.push((action, search.run(action)?));
        }
        let sets = search.sets;
        for (action, part) in
            found.iter().flat_map(|(action, parts)| parts.iter().map(move |part| (action, part)))
        {
            let mut listed = Axis::ALL.map(|axis| {
                let at = axis as usize;
                sets.get(part.sets[at]).listed(&tables.axes[at].classes)
            });
            steps.take(IN_WORDS + listed.iter().map(|list| list.len() as u64).sum::<u64>())?;
            let sets = listed.each_mut().map(|list| shared(std::mem::take(list), &mut known));
            products.push(Product { actions: 1 << *action as u8, sets, leaf: part.leaf });
        }
    }
    Ok(merged(products))
}

fn shared(list: Vec<u32>, known: &mut HashMap<Rc<[u32]>, Rc<[u32]>>) -> Rc<[u32]> {
    let list: Rc<[u32]> = list.into();
    known.entry(list.clone()).or_insert(list).clone()
}

/// Takes products together that differ in one axis only, as long as there are any.
fn merged(mut products: Vec<Product>) -> Vec<Product> {
    loop {
        let before = products.len();
        products = united(
            products,
            |product| (product.sets.clone(), product.leaf),
            |one, other| {
                one.actions |= other.actions;
            },
        );
        for axis in 0..AXES {
            let but = |product: &Product| {
                let mut sets = product.sets.clone();
                sets[axis] = Rc::new([]);
                (product.actions, sets, product.leaf)
            };
            products = united(products, but, |one, other| {
                let mut both = [one.sets[axis].as_ref(), other.sets[axis].as_ref()].concat();
                both.sort_unstable();
                both.dedup();
                one.sets[axis] = both.into();
            });
        }
        if products.len() == before {
            return products;
        }
    }
}

fn united<K: Eq + Hash>(
    products: Vec<Product>,
    but: impl Fn(&Product) -> K,
    unite: impl Fn(&mut Product, Product),
) -> Vec<Product> {
    let mut at: HashMap<K, usize> = HashMap::with_capacity(products.len());
    let mut found: Vec<Product> = Vec::with_capacity(products.len());
    for product in products {
        match at.get(&but(&product)).and_then(|at| found.get_mut(*at)) {
            Some(first) => unite(first, product),
            None => {
                at.insert(but(&product), found.len());
                found.push(product);
            }
        }
    }
    found
}
