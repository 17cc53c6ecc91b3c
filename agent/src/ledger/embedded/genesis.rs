//! What a ledger begins with, and what gives it its id.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bursar_core::amount::{Amount, AmountError, Asset};
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::log::Origin;
use bursar_core::name::Name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Largest genesis file, in bytes: some 80,000 balances.
pub const MAX_GENESIS: u64 = 16 * 1024 * 1024;

/// A genesis that keeps all rules: assets with their decimals and issuers, the first balances, the
/// node's key.
///
/// Its canonical form is JSON without white space, fields in the order of the format, assets
/// sorted by name, balances by account and asset. The ledger's id is SHA-256 of that, however the
/// file is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    name: Name,
    assets: BTreeMap<Name, GenesisAsset>,
    balances: BTreeMap<(PublicKey, Name), Amount>,
    node: PublicKey,
    canonical: Vec<u8>,
    id: LedgerId,
    origin: Origin,
}

/// An asset of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisAsset {
    /// Its name and decimals.
    pub asset: Asset,
    /// The only account that may issue it. Such an asset starts with an issue; of one without an
    /// issuer all is there from the beginning.
    pub issuer: Option<PublicKey>,
}

impl From<Asset> for GenesisAsset {
    fn from(asset: Asset) -> Self {
        Self { asset, issuer: None }
    }
}

/// Why a genesis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Not readable.
    #[error("{0}; without its genesis a ledger cannot be read: restore the file")]
    Read(#[from] std::io::Error),
    /// Not the JSON of a genesis.
    #[error(
        "the genesis is not readable: {0}; it has exactly the fields version, name, assets, balances, node, endorsers, threshold"
    )]
    Form(serde_json::Error),
    /// Well-formed, but against a rule.
    #[error("the genesis cannot be used: {0}")]
    Rule(String),
    /// An asset's decimals.
    #[error("the genesis cannot be used: {0}")]
    Asset(#[from] AmountError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    name: Name,
    assets: Vec<WireAsset>,
    balances: Vec<WireBalance>,
    node: PublicKey,
    endorsers: Vec<PublicKey>,
    threshold: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAsset {
    name: Name,
    decimals: u8,
    // Left out where there is none, so that a genesis without issuers keeps its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<PublicKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBalance {
    account: PublicKey,
    asset: Name,
    amount: Amount,
}

impl Genesis {
    /// A genesis with these assets and first balances, whose checkpoints `node` signs.
    pub fn new(
        name: Name,
        assets: impl IntoIterator<Item = impl Into<GenesisAsset>>,
        balances: impl IntoIterator<Item = (PublicKey, Name, Amount)>,
        node: PublicKey,
    ) -> Result<Self, GenesisError> {
        let assets = assets.into_iter().map(|asset| {
            let GenesisAsset { asset, issuer } = asset.into();
            WireAsset { name: asset.name().clone(), decimals: asset.decimals(), issuer }
        });
        let balances =
            balances.into_iter().map(|(account, asset, amount)| WireBalance { account, asset, amount });
        let (assets, balances) = (assets.collect(), balances.collect());
        Self::checked(Wire { version: 1, name, assets, balances, node, endorsers: Vec::new(), threshold: 0 })
    }

    /// Reads the JSON form; unknown and duplicate fields are refused.
    pub fn parse(json: &[u8]) -> Result<Self, GenesisError> {
        Self::checked(serde_json::from_slice(json).map_err(GenesisError::Form)?)
    }

    /// Reads a genesis file of at most [`MAX_GENESIS`] bytes.
    pub fn read(path: &Path) -> Result<Self, GenesisError> {
        let length = std::fs::metadata(path)?.len();
        if length > MAX_GENESIS {
            return Err(GenesisError::Rule(format!("the file has {length} bytes, more than {MAX_GENESIS}")));
        }
        Self::parse(&std::fs::read(path)?)
    }

    fn checked(mut wire: Wire) -> Result<Self, GenesisError> {
        let rule = |what: String| Err(GenesisError::Rule(what));
        if wire.version != 1 {
            return rule(format!("its version is {}; this program knows version 1", wire.version));
        }
        if !wire.endorsers.is_empty() || wire.threshold != 0 {
            return rule(
                "it has endorsers, which this version does not know; leave them empty, threshold 0".into(),
            );
        }
        if !matches!(wire.node, PublicKey::Ed25519(_)) {
            return rule(
                "its node key is not Ed25519, as checkpoints need; make one with `bursar key generate`"
                    .into(),
            );
        }
        if wire.assets.is_empty() {
            return rule("it has no asset; name at least one".into());
        }
        wire.assets.sort_by(|a, b| a.name.cmp(&b.name));
        wire.balances.sort_by(|a, b| (&a.account, &a.asset).cmp(&(&b.account, &b.asset)));
        let mut assets = BTreeMap::new();
        for asset in &wire.assets {
            if asset.issuer == Some(wire.node) {
                return rule(format!("the issuer of {} is the node key; name an account's key", asset.name));
            }
            let checked = Asset::new(asset.name.clone(), asset.decimals)?;
            let known = GenesisAsset { asset: checked, issuer: asset.issuer };
            if assets.insert(asset.name.clone(), known).is_some() {
                return rule(format!("the asset {} is there twice; keep one", asset.name));
            }
        }
        let balances = check_balances(&wire.balances, &assets)?;
        let canonical = serde_json::to_vec(&wire).map_err(GenesisError::Form)?;
        let id = LedgerId(Sha256::digest(&canonical).into());
        let origin =
            format!("bursar-ledger/{id}").parse().map_err(|error| GenesisError::Rule(format!("{error}")))?;
        Ok(Self { name: wire.name, assets, balances, node: wire.node, canonical, id, origin })
    }

    /// SHA-256 of the canonical form.
    pub fn id(&self) -> LedgerId {
        self.id
    }

    /// What people call it.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What can be paid in, by name.
    pub fn assets(&self) -> &BTreeMap<Name, GenesisAsset> {
        &self.assets
    }

    /// What each account has before the first payment; never zero.
    pub fn balances(&self) -> &BTreeMap<(PublicKey, Name), Amount> {
        &self.balances
    }

    /// The key that signs the checkpoints.
    pub fn node(&self) -> &PublicKey {
        &self.node
    }

    /// The log's name in its checkpoints: `bursar-ledger/` and the id, so that a checkpoint of
    /// one ledger never passes for another's.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The canonical form; a genesis file may hold it as it is.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }
}

fn check_balances(
    balances: &[WireBalance],
    assets: &BTreeMap<Name, GenesisAsset>,
) -> Result<BTreeMap<(PublicKey, Name), Amount>, GenesisError> {
    let rule = |what: String| Err(GenesisError::Rule(what));
    let mut first = BTreeMap::new();
    let mut supply = BTreeMap::<&Name, Amount>::new();
    let mut seen = BTreeSet::new();
    for WireBalance { account, asset, amount } in balances {
        let Some(known) = assets.get(asset) else {
            return rule(format!("a balance is in {asset}, which is not among its assets"));
        };
        if known.issuer.is_some() {
            return rule(format!(
                "a balance is in {asset}, which has an issuer and so starts with an issue; leave the balance out, and let its issuer issue it"
            ));
        }
        if !seen.insert((account, asset)) {
            return rule(format!("the balance of {account} in {asset} is there twice; keep one"));
        }
        if amount.is_zero() {
            return rule(format!("the balance of {account} in {asset} is zero; leave it out"));
        }
        // With the whole supply in range, no later payment can overflow a balance.
        let total = supply.entry(asset).or_insert(Amount::ZERO);
        match total.checked_add(*amount) {
            Some(sum) => *total = sum,
            None => return rule(format!("there is more than 2^256 - 1 minor units of {asset}")),
        }
        first.insert((*account, asset.clone()), *amount);
    }
    Ok(first)
}
