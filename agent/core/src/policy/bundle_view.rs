//! A whole bundle as people see it, with how full its budgets are.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Policy;
use super::counters::Standing;
use super::people::{Administrators, Approver, Freeze};
use super::view::RuleView;
use crate::approval::quorum::Need;
use crate::intent::LedgerId;
use crate::key::PublicKey;
use crate::name::Name;
use crate::time::Timestamp;

/// What `policy show` prints, and what `GET /v1/policy` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleView {
    /// SHA-256 of the text, in JSON as lower-case hex.
    #[serde(serialize_with = "hex")]
    pub hash: [u8; 32],
    /// Its version.
    pub version: u64,
    /// Break-glass: from then on the bundle before it is in force again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// All assets in the order of the file.
    pub assets: Vec<AssetView>,
    /// Ledgers by name.
    pub ledgers: BTreeMap<Name, LedgerId>,
    /// Payers by name.
    pub payers: BTreeMap<Name, PublicKey>,
    /// How many recipients there are.
    pub recipients: usize,
    /// Groups by name.
    pub groups: BTreeMap<Name, Vec<Name>>,
    /// Everybody who approves, revoked ones included.
    pub approvers: Vec<Approver>,
    /// Who changes the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administrators: Option<Administrators>,
    /// Who puts another bundle in force for a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Need>,
    /// Who stops an account, and who lets it go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// All rules in the order of the file.
    pub rules: Vec<RuleView>,
    /// How full the budgets are.
    pub budgets: Vec<Standing>,
}

/// One asset, and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssetView {
    /// Its name.
    pub name: Name,
    /// How many decimals people write it with.
    pub decimals: u8,
    /// What it is for: only recipients all of whose categories are these; anything where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<Name>>,
    /// Who takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeemer: Option<Name>,
    /// When it is issued and spent, like `until 2027-11-30`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
}

impl BundleView {
    /// The bundle with these [standings](super::Counters::standings).
    pub fn of(policy: &Policy, budgets: Vec<Standing>) -> Self {
        Self {
            hash: policy.hash(),
            version: policy.version(),
            until: None,
            assets: policy
                .assets()
                .map(|asset| AssetView::of(policy, asset.name(), asset.decimals()))
                .collect(),
            ledgers: policy.ledgers.clone(),
            payers: policy.payers.iter().map(|(key, name)| (name.clone(), *key)).collect(),
            recipients: policy.recipients.len(),
            groups: policy.groups.clone(),
            approvers: policy.approvers().cloned().collect(),
            administrators: policy.administrators().cloned(),
            break_glass: policy.break_glass().cloned(),
            freeze: policy.freeze().cloned(),
            rules: policy.rules().collect(),
            budgets,
        }
    }
}

impl AssetView {
    fn of(policy: &Policy, name: &Name, decimals: u8) -> Self {
        let purpose = policy.purposes.get(name);
        Self {
            name: name.clone(),
            decimals,
            only: purpose.and_then(|purpose| purpose.only.clone()),
            redeemer: purpose.and_then(|purpose| Some(purpose.redeemer.as_ref()?.0.clone())),
            valid: purpose.and_then(|purpose| purpose.lifetime.as_ref()).map(ToString::to_string),
        }
    }
}

fn hex<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&data_encoding::HEXLOWER.encode(bytes))
}
