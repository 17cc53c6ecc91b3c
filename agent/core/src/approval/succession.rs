//! Which bundle may take the place of another, and who has to agree: asked by the home that puts one
//! in force, and by everybody who verifies later that it was right to.

use super::quorum::Need;
use super::{AskedBundle, BreakGlass, PolicyChange, Signed, Tally, tally};
use crate::amount::Asset;
use crate::name::Name;
use crate::policy::Policy;
use crate::time::Timestamp;

/// For how long break-glass lasts, in milliseconds: 24 hours.
pub const BREAK_GLASS_MS: i64 = 24 * 60 * 60 * 1000;

/// The decisions on a bundle that is to take the place of another, in the order in which they came:
/// which kind depends on how it comes into force.
#[derive(Clone, Debug)]
pub enum Agreements {
    /// By administrators, for good.
    Change(Vec<Signed<PolicyChange>>),
    /// By approvers, for a day.
    BreakGlass(Vec<Signed<BreakGlass>>),
}

/// Why a bundle may not take the place of another, whoever agrees.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// Not a higher version.
    #[error("its version is {new}, and version {current} is in force; a new bundle has a higher one")]
    Version {
        /// Of the bundle that is to come.
        new: u64,
        /// Of the one before.
        current: u64,
    },
    /// An asset is written otherwise than before: history would mean something else.
    #[error(
        "the decimals of {0} changed, and what was paid would mean something else; give the asset another name"
    )]
    Decimals(Name),
}

impl Agreements {
    /// Who has to agree by the bundle in force. Nobody (a need of 0) to a change where it names no
    /// administrators; break-glass that it does not know can have no quorum.
    pub fn need(&self, before: &Policy) -> Need {
        let nobody = |need| Need { need, from: Vec::new(), label: "nobody".to_owned() };
        match self {
            Self::Change(_) => before.administrators().map_or_else(
                || nobody(0),
                |all| Need {
                    need: all.need,
                    from: all.keys.keys().cloned().collect(),
                    label: "the administrators".to_owned(),
                },
            ),
            Self::BreakGlass(_) => before.break_glass().cloned().unwrap_or_else(|| nobody(1)),
        }
    }

    /// Whose decisions count by the bundle in force; `now` is when they are counted.
    pub fn tally(&self, before: &Policy, asked: &AskedBundle, now: Timestamp) -> Tally {
        match self {
            Self::Change(cast) => tally(before.administrator_roster(), asked, now, cast),
            Self::BreakGlass(cast) => tally(before.roster(), asked, now, cast),
        }
    }
}

/// May this bundle take the place of the one before, if enough agree? `paid` says with how many
/// decimals an asset was ever paid that the one before does not name.
pub fn may_follow(
    before: &Policy,
    after: &Policy,
    paid: impl Fn(&Name) -> Option<u8>,
) -> Result<(), SuccessionError> {
    let (new, current) = (after.version(), before.version());
    if new <= current {
        return Err(SuccessionError::Version { new, current });
    }
    keeps_decimals(after, |asset| before.asset(asset.as_str()).map(Asset::decimals).or_else(|| paid(asset)))
}

/// Is every asset written with as many decimals as before, as far as `before` knows it?
pub fn keeps_decimals(policy: &Policy, before: impl Fn(&Name) -> Option<u8>) -> Result<(), SuccessionError> {
    let changed = policy
        .assets()
        .find(|asset| before(asset.name()).is_some_and(|decimals| decimals != asset.decimals()));
    changed.map_or(Ok(()), |asset| Err(SuccessionError::Decimals(asset.name().clone())))
}
