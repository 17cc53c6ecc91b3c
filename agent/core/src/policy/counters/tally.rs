//! What one budget holds and has spent.

use std::collections::VecDeque;

use crate::amount::Amount;

/// A running sum, and the slices of it that leave their window one after the other.
///
/// Sums saturate: a sum at 2^256 - 1 is taken for an overflow, and lets nothing through.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    held: Amount,
    /// The sum of `slices`.
    spent: Amount,
    /// Amounts by the first moment, in ms since the epoch, at which they count no longer.
    slices: VecDeque<(i64, Amount)>,
}

fn plus(a: Amount, b: Amount) -> Amount {
    a.checked_add(b).unwrap_or(Amount::MAX)
}

impl Tally {
    pub(super) fn hold(&mut self, units: Amount) {
        self.held = plus(self.held, units);
    }

    /// What saturated is never given back: nobody knows how much it was.
    pub(super) fn release(&mut self, units: Amount) {
        if self.held != Amount::MAX {
            self.held = self.held.checked_sub(units).unwrap_or(Amount::ZERO);
        }
    }

    pub(super) fn spend(&mut self, units: Amount, until: i64) {
        self.spent = plus(self.spent, units);
        let at = self.slices.partition_point(|(end, _)| *end < until);
        match self.slices.get_mut(at) {
            Some((end, sum)) if *end == until => *sum = plus(*sum, units),
            _ => self.slices.insert(at, (until, units)),
        }
    }

    /// Frees what has left its window.
    pub(super) fn advance(&mut self, now: i64) {
        while let Some((_, units)) = self.slices.pop_front_if(|(end, _)| *end <= now) {
            self.spent = if self.spent == Amount::MAX {
                self.slices.iter().fold(Amount::ZERO, |sum, (_, units)| plus(sum, *units))
            } else {
                self.spent.checked_sub(units).unwrap_or(Amount::ZERO)
            };
        }
    }

    /// Held, and spent in the window that ends now or in the future; `None` on overflow.
    pub(super) fn used(&self, now: i64) -> Option<Amount> {
        let gone = self.slices.iter().take_while(|(end, _)| *end <= now);
        let left = if self.spent == Amount::MAX {
            let counted = self.slices.iter().skip(gone.count());
            counted.fold(Amount::ZERO, |sum, (_, units)| plus(sum, *units))
        } else {
            gone.fold(self.spent, |sum, (_, units)| sum.checked_sub(*units).unwrap_or(Amount::ZERO))
        };
        self.held.checked_add(left)
    }

    /// When everything in it will have left its window; `None` while something is held.
    pub(super) fn free_from(&self, now: i64) -> Option<i64> {
        self.held.is_zero().then(|| self.slices.back().map_or(now, |(end, _)| (*end).max(now)))
    }

    /// From when on so many units more keep to the cap, if nothing else is added; `None` if what is
    /// held leaves no room for them.
    pub(super) fn room_from(&self, units: Amount, cap: Amount, now: i64) -> Option<i64> {
        let mut sum = self.held.checked_add(units).filter(|sum| *sum <= cap)?;
        for (end, spent) in self.slices.iter().rev() {
            match sum.checked_add(*spent).filter(|sum| *sum <= cap) {
                Some(more) => sum = more,
                None => return Some((*end).max(now)),
            }
        }
        Some(now)
    }

    /// When something next leaves its window.
    pub(super) fn next_change(&self, now: i64) -> Option<i64> {
        self.slices.iter().map(|(end, _)| *end).find(|end| *end > now)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_zero() && self.slices.is_empty()
    }
}
