//! Which items are about which classes, for transactions that have the same things.

use std::collections::HashMap;

use super::Pair;
use super::item::{Callers, Item, Items, Marker, Source, What};
use super::space::{AXES, Axis, Space};
use crate::intent::Action;
use crate::policy::scope::Dimension;

/// Transactions that have the same things: a recipient, an amount, a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An amount and a recipient.
    Moves,
    /// As [`Moves`](Self::Moves), and whoever pays is not who signs.
    Endorses,
    /// Neither amount nor recipient.
    Bare,
    /// Perhaps an amount, a recipient, a selector.
    Calls,
}

impl Shape {
    pub(super) const ALL: [Shape; 4] = [Self::Moves, Self::Endorses, Self::Bare, Self::Calls];

    /// What transactions of this shape do.
    pub(super) fn actions(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| Self::of(*action) == self)
    }

    pub(super) fn of(action: Action) -> Self {
        match action {
            Action::Pay | Action::Issue => Self::Moves,
            Action::Endorse => Self::Endorses,
            Action::Record | Action::Rotate => Self::Bare,
            Action::Call => Self::Calls,
        }
    }

    /// The classes that a transaction of this shape can be in, in order.
    pub(super) fn classes(self, space: &Space, axis: Axis) -> Vec<u32> {
        (0..space.classes(axis)).filter(|class| self.is_possible(space, axis, *class)).collect()
    }

    fn is_possible(self, space: &Space, axis: Axis, class: u32) -> bool {
        let there = match axis {
            Axis::Asset => space.assets.example(class).is_some(),
            Axis::Recipient => space.recipients.example(class).is_some(),
            Axis::Selector => return self == Self::Calls || space.selectors.example(class).is_none(),
            _ => return true,
        };
        match self {
            Self::Moves | Self::Endorses => there,
            Self::Bare => !there,
            Self::Calls => true,
        }
    }
}

/// One axis: its classes, and for each item those that it is about.
pub(super) struct Table {
    /// In order.
    pub classes: Vec<u32>,
    /// By item, in order; not kept where it is about all.
    pub lists: Vec<Vec<u32>>,
    /// By item: is it about all?
    pub all: Vec<bool>,
}

/// All axes of one shape.
pub(super) struct Tables {
    pub axes: [Table; AXES],
}

impl Tables {
    pub(super) fn of(pair: Pair<'_>, space: &Space, items: &Items, shape: Shape) -> Self {
        let mut at_rule: [HashMap<usize, Vec<usize>>; 2] = Default::default();
        for (at, item) in items.list.iter().enumerate() {
            if let Source::Rule(rule) = item.source {
                at_rule[item.side as usize].entry(rule).or_default().push(at);
            }
        }
        let builder = Builder { pair, space, items: &items.list, shape, at_rule };
        Self { axes: Axis::ALL.map(|axis| builder.table(axis)) }
    }
}

struct Builder<'a> {
    pair: Pair<'a>,
    space: &'a Space,
    items: &'a [Item],
    shape: Shape,
    /// The items of each rule of each bundle.
    at_rule: [HashMap<usize, Vec<usize>>; 2],
}

impl Builder<'_> {
    fn table(&self, axis: Axis) -> Table {
        let classes = self.shape.classes(self.space, axis);
        let mut lists = vec![Vec::new(); self.items.len()];
        let own = self.items.iter().enumerate().filter(|(_, item)| !matches!(item.source, Source::Rule(_)));
        let own: Vec<(usize, &Item)> = own.collect();
        for class in &classes {
            for side in [0, 1] {
                for at in self.rules_about(axis, *class, side) {
                    let asks = |callers: &Callers| callers.hold(self.space.callers.example(*class));
                    if axis != Axis::Caller || asks(&self.items[at].callers) {
                        lists[at].push(*class);
                    }
                }
            }
            for (at, item) in &own {
                if self.is_about(item, axis, *class) {
                    lists[*at].push(*class);
                }
            }
        }
        let all: Vec<bool> = lists.iter().map(|list| list.len() == classes.len()).collect();
        lists.iter_mut().zip(&all).filter(|(_, all)| **all).for_each(|(list, _)| *list = Vec::new());
        Table { classes, lists, all }
    }

    /// The items of rules of one bundle that are about this class.
    fn rules_about(&self, axis: Axis, class: u32, side: usize) -> Vec<usize> {
        let index = &self.pair[side].index;
        let every = || self.at_rule[side].values().flatten().copied().collect();
        let rows: Vec<&[u64]> = match axis {
            Axis::Asset => match self.space.assets.common(class).rows[side] {
                Some(row) => vec![index.assets.rows.row(row)],
                None => return Vec::new(),
            },
            Axis::Recipient => match self.space.recipients.common(class).rows[side] {
                Some(row) => vec![index.rows(Dimension::Recipient).row(row)],
                None => return Vec::new(),
            },
            Axis::Account => {
                let rows = self.space.accounts.common(class);
                let account = index.accounts.rows.row(rows[side]);
                match self.shape {
                    Shape::Endorses => vec![account],
                    _ => vec![account, index.payers.rows.row(rows[2 + side])],
                }
            }
            Axis::From => match (self.shape, self.space.from.common(class).rows[side]) {
                (Shape::Endorses, Some(row)) => vec![index.payers.rows.row(row)],
                (Shape::Endorses, None) => return Vec::new(),
                _ => return every(),
            },
            Axis::Caller => vec![index.callers.rows.row(self.space.callers.common(class).rows[side])],
            Axis::Ledger => vec![index.ledgers.rows.row(self.space.ledgers.common(class)[side])],
            Axis::Selector => vec![index.selectors.rows.row(self.space.selectors.common(class)[side])],
            Axis::Roles => vec![&self.space.roles.common(class)[side]],
        };
        let words = rows.first().map_or(0, |row| row.len());
        let mut found = Vec::new();
        for word in 0..words {
            let mut left = rows.iter().fold(!0, |bits, row| bits & row[word]);
            while left != 0 {
                let rule = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                found.extend(self.at_rule[side].get(&rule).into_iter().flatten());
            }
        }
        found
    }

    /// The same for items that are no rules.
    fn is_about(&self, item: &Item, axis: Axis, class: u32) -> bool {
        match (&item.source, item.what) {
            (Source::Purpose(asset, binding), _) => {
                let policy = self.pair[item.side as usize];
                match axis {
                    Axis::Asset => self.space.assets.example(class).as_ref() == Some(asset),
                    Axis::Recipient => {
                        binding.is_about(policy, asset, self.space.recipients.example(class).as_ref())
                    }
                    Axis::From => binding.is_from(policy, asset, self.space.from.example(class)),
                    _ => true,
                }
            }
            (_, What::Marker(Marker::Renamed)) if axis == Axis::Recipient => {
                self.space.recipients.common(class).renamed
            }
            (_, What::Marker(Marker::Recategorised)) if axis == Axis::Recipient => {
                self.space.recipients.common(class).recategorised
            }
            (_, What::Marker(Marker::PayerRenamed)) if axis == Axis::From => {
                self.shape == Shape::Endorses && self.space.from.common(class).renamed
            }
            _ => true,
        }
    }
}
