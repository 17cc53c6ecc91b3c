//! Everything in one asset added up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::reach::{Row, Rows, most};
use super::{Ceiling, Most, Total};
use crate::amount::{Amount, Asset};
use crate::intent::Action;
use crate::policy::budget::Quantity;
use crate::policy::window::{CalendarUnit, Window};
use crate::policy::zone::Zone;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Any stretch of time of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stretch {
    /// 24 hours.
    Day,
    /// 7 times 24 hours.
    Week,
    /// 31 times 24 hours.
    Month,
}

impl Stretch {
    /// Every length.
    pub const ALL: [Stretch; 3] = [Self::Day, Self::Week, Self::Month];

    /// In milliseconds.
    pub fn millis(self) -> i64 {
        match self {
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 31 * DAY,
        }
    }

    /// So many windows hold all of it, wherever it begins.
    ///
    /// Rolling windows lie end to end. A calendar period is never shorter than `least`, so that of
    /// `k` periods that it touches, `k - 2` lie inside: `k - 2 < length / least`.
    fn windows(self, window: &Window) -> u64 {
        let ceil = |length: i64| u64::try_from((self.millis() + length - 1) / length).unwrap_or(u64::MAX);
        match window {
            Window::Rolling(length) => ceil(length.millis()),
            Window::Calendar { unit, zone } => ceil(least(*unit, zone)).saturating_add(1),
        }
    }
}

/// The shortest such period. Clocks that go forward take hours from it, save in UTC: in no zone of
/// the IANA database did they ever go forward by more than three at once without skipping a whole
/// date, which may be one of a week, a month or a year.
fn least(unit: CalendarUnit, zone: &Zone) -> i64 {
    let days = match unit {
        CalendarUnit::Day => 1,
        CalendarUnit::Week => 7,
        CalendarUnit::Month => 28,
        CalendarUnit::Year => 365,
    };
    match (unit, *zone == Zone::UTC) {
        (_, true) => days * DAY,
        (CalendarUnit::Day, false) => days * DAY - 4 * HOUR,
        (_, false) => (days - 1) * DAY - 4 * HOUR,
    }
}

/// What all rows of one action in one asset come to.
pub(super) fn totals(rows: &Rows<'_>, ceilings: &[Ceiling]) -> Vec<Total> {
    let mut kinds: BTreeMap<(&str, &str), (Action, &Asset, BTreeSet<usize>)> = BTreeMap::new();
    for (at, row) in rows.rows.iter().enumerate().filter(|(_, row)| row.needs.is_empty()) {
        if let Row { action, asset: Some(asset), .. } = row {
            let key = (asset.name().as_str(), action.as_str());
            kinds.entry(key).or_insert_with(|| (*action, asset, BTreeSet::new())).2.insert(at);
        }
    }
    let total = |(action, asset, of): (Action, &Asset, BTreeSet<usize>)| {
        let sum = |stretch| sum(&of, ceilings, stretch).unwrap_or(Amount::MAX);
        let bound = |stretch| -> (Stretch, Most) { (stretch, most(sum(stretch), asset)) };
        Total { action, asset: asset.name().clone(), most: Stretch::ALL.map(bound).to_vec() }
    };
    kinds.into_values().map(total).collect()
}

/// What a ceiling comes to in a stretch, and the rows below it.
type Bound<'a> = (Amount, &'a [usize]);

/// Most ceilings of which each begins a choice of its own.
const FIRST: usize = 256;
/// About so many looks at a row are taken in all choices together: a second or so.
const LOOKS: usize = 200_000_000;

/// The least sum that is found of ceilings over all rows. Any choice of ceilings over all rows is a
/// bound, be it the least or not: finding that is as hard as set cover.
fn sum(rows: &BTreeSet<usize>, ceilings: &[Ceiling], stretch: Stretch) -> Option<Amount> {
    let bounds: Vec<Bound<'_>> = ceilings
        .iter()
        .filter(|ceiling| !ceiling.each_account)
        .filter_map(|ceiling| match &ceiling.most {
            Quantity::Amount(most, _) => {
                Some((most.checked_mul(stretch.windows(&ceiling.window))?, ceiling.reaches.as_slice()))
            }
            Quantity::Count(_) => None,
        })
        .filter(|bound| bound.1.iter().any(|row| rows.contains(row)))
        .collect();
    // A choice looks at every row of every ceiling once for each that it adds.
    let looks: usize = bounds.iter().map(|bound| bound.1.len()).sum();
    let tries = LOOKS / looks.saturating_mul(bounds.len()).max(1);
    let firsts = bounds.get(..bounds.len().min(tries).min(FIRST)).unwrap_or_default();
    let firsts = std::iter::once(None).chain(firsts.iter().map(Some));
    firsts.filter_map(|first| greedy(rows, &bounds, first)).min()
}

/// Begins with one ceiling, and adds each time the one that costs least for each row that it adds.
fn greedy<'a>(
    rows: &BTreeSet<usize>,
    bounds: &'a [Bound<'a>],
    first: Option<&'a Bound<'a>>,
) -> Option<Amount> {
    let end = rows.last().map_or(0, |last| last + 1);
    let wanted: Vec<bool> = (0..end).map(|row| rows.contains(&row)).collect();
    let mut left = rows.len();
    let mut covered = vec![0_u32; end];
    let mut chosen: Vec<&Bound<'a>> = Vec::new();
    let mut next = first;
    loop {
        if let Some(bound) = next {
            for row in bound.1.iter().filter(|row| wanted.get(**row) == Some(&true)) {
                left -= usize::from(covered[*row] == 0);
                covered[*row] += 1;
            }
            chosen.push(bound);
        }
        if left == 0 {
            break;
        }
        let adds = |below: &[usize]| {
            below.iter().filter(|row| wanted.get(**row) == Some(&true) && covered[**row] == 0).count() as u64
        };
        let useful = bounds.iter().map(|bound| (bound, adds(bound.1))).filter(|(_, adds)| *adds > 0);
        // Cost for each row compared without dividing; what overflows is dear.
        let dear = |cost: Amount, of: u64| cost.checked_mul(of).unwrap_or(Amount::MAX);
        next = Some(useful.min_by(|(a, x), (b, y)| dear(a.0, *y).cmp(&dear(b.0, *x)))?.0);
    }
    // What was chosen first may be covered by what came later.
    chosen.retain(|bound| {
        let own = || bound.1.iter().filter(|row| wanted.get(**row) == Some(&true));
        let needed = own().any(|row| covered[*row] == 1);
        if !needed {
            own().for_each(|row| covered[*row] -= 1);
        }
        needed
    });
    chosen.iter().try_fold(Amount::ZERO, |sum, bound| sum.checked_add(bound.0))
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "in any 24 hours",
            Self::Week => "in any 7 days",
            Self::Month => "in any 31 days",
        })
    }
}
