//! The rules of the ledger: who has what, and whether a transaction may be recorded.

use std::collections::{BTreeMap, HashMap};

use bursar_core::amount::Amount;
use bursar_core::decode::transfer::{Kind, Payload, Transfer};
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::time::Timestamp;

use super::genesis::{Genesis, GenesisAsset};
use crate::ledger::Refusal;

/// How far a payer's clock may run ahead of the ledger's, in milliseconds: 5 minutes.
pub const CLOCK_SKEW_MS: i64 = 5 * 60 * 1000;

/// An account's balance in an asset.
pub type Holding = (PublicKey, Name);

/// All balances at one position of the log. Pure: time is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    ledger: LedgerId,
    assets: BTreeMap<Name, GenesisAsset>,
    /// Without zeros, so that equal states are equal maps.
    balances: HashMap<Holding, Amount>,
    /// How much there is of each asset that was issued. Of the others there is always what the
    /// genesis says.
    issued: BTreeMap<Name, Amount>,
}

/// What a transaction leaves behind; what [`State::apply`] needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the transaction is only checked, not applied"]
pub struct Change(Effect);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Effect {
    /// The payer's balance, and the recipient's.
    Paid([(Holding, Amount); 2]),
    /// The recipient's balance, and how much there is of the asset.
    Issued { received: (Holding, Amount), supply: Amount },
}

impl State {
    /// What the ledger begins with.
    pub fn first(genesis: &Genesis) -> Self {
        let balances =
            genesis.balances().iter().map(|(holding, amount)| (holding.clone(), *amount)).collect();
        let assets = genesis.assets().clone();
        Self { ledger: genesis.id(), assets, balances, issued: BTreeMap::new() }
    }

    /// What an account has.
    pub fn balance(&self, holding: &Holding) -> Amount {
        self.balances.get(holding).copied().unwrap_or_default()
    }

    /// Every balance that is not zero.
    pub fn balances(&self) -> &HashMap<Holding, Amount> {
        &self.balances
    }

    /// May this be recorded at the ledger's time `now`? Its nonce is looked at elsewhere.
    pub fn check(&self, payload: &Payload, now: Timestamp) -> Result<Change, Refusal> {
        let transfer = payload.transfer();
        let Transfer { ledger, asset: name, created, valid_until, .. } = transfer;
        if *ledger != self.ledger {
            return Err(Refusal::OtherLedger(*ledger));
        }
        let Some(asset) = self.assets.get(name) else { return Err(Refusal::UnknownAsset(name.clone())) };
        if *created > now.plus_millis(CLOCK_SKEW_MS) {
            return Err(Refusal::NotYet { created: *created, now });
        }
        if *valid_until <= now {
            return Err(Refusal::Expired { valid_until: *valid_until, now });
        }
        match payload.kind() {
            Kind::Pay => self.pay(transfer, asset),
            Kind::Issue => self.issue(transfer, asset),
        }
        .map(Change)
    }

    fn pay(&self, transfer: &Transfer, GenesisAsset { asset, .. }: &GenesisAsset) -> Result<Effect, Refusal> {
        let Transfer { from, to, asset: name, amount, .. } = transfer;
        let (payer, recipient) = ((*from, name.clone()), (*to, name.clone()));
        let have = self.balance(&payer);
        let left = have
            .checked_sub(*amount)
            .ok_or_else(|| Refusal::Funds { have: asset.format(have), asked: asset.format(*amount) })?;
        let received = self.received(&recipient, *amount)?;
        Ok(Effect::Paid([(payer, left), (recipient, received)]))
    }

    fn issue(
        &self,
        transfer: &Transfer,
        GenesisAsset { issuer, .. }: &GenesisAsset,
    ) -> Result<Effect, Refusal> {
        let Transfer { from, to, asset: name, amount, .. } = transfer;
        let Some(issuer) = issuer else { return Err(Refusal::NoIssuer(name.clone())) };
        if issuer != from {
            return Err(Refusal::NotIssuer { asset: name.clone(), issuer: Box::new(*issuer) });
        }
        // With the whole supply in range, no later payment can overflow a balance.
        let before = self.issued.get(name).copied().unwrap_or_default();
        let supply = before.checked_add(*amount).ok_or_else(|| Refusal::Supply(name.clone()))?;
        let recipient = (*to, name.clone());
        let received = self.received(&recipient, *amount)?;
        Ok(Effect::Issued { received: (recipient, received), supply })
    }

    fn received(&self, recipient: &Holding, amount: Amount) -> Result<Amount, Refusal> {
        let sum = self.balance(recipient).checked_add(amount);
        sum.ok_or_else(|| Refusal::Overflow(recipient.1.clone()))
    }

    /// Takes over what [`State::check`] found, which has to be of this very state.
    pub fn apply(&mut self, change: Change) {
        match change.0 {
            Effect::Paid(balances) => {
                balances.into_iter().for_each(|(holding, amount)| self.set(holding, amount))
            }
            Effect::Issued { received: (holding, amount), supply } => {
                self.issued.insert(holding.1.clone(), supply);
                self.set(holding, amount);
            }
        }
    }

    fn set(&mut self, holding: Holding, amount: Amount) {
        if amount.is_zero() {
            self.balances.remove(&holding);
        } else {
            self.balances.insert(holding, amount);
        }
    }
}

impl Change {
    /// Whose balances change.
    pub fn holdings(&self) -> impl Iterator<Item = &Holding> {
        let balances = match &self.0 {
            Effect::Paid(balances) => balances.as_slice(),
            Effect::Issued { received, .. } => std::slice::from_ref(received),
        };
        balances.iter().map(|(holding, _)| holding)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bursar_core::amount::Asset;
    use bursar_core::decode::transfer::{Memo, Nonce};

    // RFC 8032, section 7.1, tests 1 to 3.
    const ANNA: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const BEN: &str = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const NODE: &str = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";

    fn genesis(units: &str) -> Genesis {
        let asset = |name: &str| Asset::new(name.parse().unwrap(), 2).unwrap();
        let anna = (ANNA.parse().unwrap(), "EUR".parse().unwrap(), units.parse().unwrap());
        Genesis::new("town".parse().unwrap(), [asset("EUR"), asset("GRANT")], [anna], NODE.parse().unwrap())
            .unwrap()
    }

    fn transfer(genesis: &Genesis, units: &str) -> Transfer {
        Transfer {
            ledger: genesis.id(),
            from: ANNA.parse().unwrap(),
            to: BEN.parse().unwrap(),
            asset: "EUR".parse().unwrap(),
            amount: units.parse().unwrap(),
            memo: Memo::default(),
            nonce: Nonce([0; 16]),
            created: "2026-11-22T09:30:00Z".parse().unwrap(),
            valid_until: "2026-11-22T10:30:00Z".parse().unwrap(),
        }
    }

    fn pay(transfer: &Transfer) -> Payload {
        Payload::encode(transfer.clone()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOON: &str = "2026-11-22T10:00:00Z";

    #[test]
    fn time_and_its_boundaries() {
        let genesis = genesis("1000");
        let (state, transfer) = (State::first(&genesis), transfer(&genesis, "1"));
        for (now, ok) in [
            ("2026-11-22T09:24:59.999Z", false),
            ("2026-11-22T09:25:00Z", true),
            ("2026-11-22T09:30:00Z", true),
            ("2026-11-22T10:29:59.999Z", true),
            ("2026-11-22T10:30:00Z", false),
            ("2026-11-23T09:30:00Z", false),
        ] {
            let checked = state.check(&pay(&transfer), at(now));
            assert_eq!(checked.is_ok(), ok, "{now}");
            let early = at(now) < transfer.created;
            match checked {
                Ok(_) => {}
                Err(Refusal::NotYet { .. }) => assert!(early, "{now}"),
                Err(Refusal::Expired { .. }) => assert!(!early, "{now}"),
                Err(other) => panic!("{now}: {other}"),
            }
        }
    }

    #[test]
    fn funds_to_the_last_unit() {
        let genesis = genesis("1000");
        let mut state = State::first(&genesis);
        let refused = state.check(&pay(&transfer(&genesis, "1001")), at(NOON));
        assert_eq!(refused, Err(Refusal::Funds { have: "10.00 EUR".into(), asked: "10.01 EUR".into() }));
        let change = state.check(&pay(&transfer(&genesis, "1000")), at(NOON)).unwrap();
        state.apply(change);
        let holding = |key: &str| (key.parse().unwrap(), "EUR".parse().unwrap());
        assert_eq!(state.balance(&holding(ANNA)), Amount::ZERO);
        assert_eq!(state.balance(&holding(BEN)), Amount::from(1000));
        assert_eq!(state.balances().len(), 1, "zeros are left out");
        let refused = state.check(&pay(&transfer(&genesis, "1")), at(NOON));
        assert_eq!(refused, Err(Refusal::Funds { have: "0.00 EUR".into(), asked: "0.01 EUR".into() }));
        let mut grant = transfer(&genesis, "1");
        grant.asset = "GRANT".parse().unwrap();
        assert!(matches!(state.check(&pay(&grant), at(NOON)), Err(Refusal::Funds { .. })));
    }

    #[test]
    fn only_its_own_ledger_and_assets() {
        let genesis = genesis("1000");
        let state = State::first(&genesis);
        let mut other = transfer(&genesis, "1");
        other.ledger = LedgerId([0; 32]);
        assert_eq!(state.check(&pay(&other), at(NOON)), Err(Refusal::OtherLedger(LedgerId([0; 32]))));
        let mut unknown = transfer(&genesis, "1");
        unknown.asset = "USD".parse().unwrap();
        assert_eq!(state.check(&pay(&unknown), at(NOON)), Err(Refusal::UnknownAsset("USD".parse().unwrap())));
    }

    /// No genesis allows it, so the balance is put there by hand.
    #[test]
    fn a_balance_never_wraps() {
        let genesis = genesis("1000");
        let mut state = State::first(&genesis);
        state.balances.insert((BEN.parse().unwrap(), "EUR".parse().unwrap()), Amount::MAX);
        let before = state.clone();
        assert_eq!(
            state.check(&pay(&transfer(&genesis, "1")), at(NOON)),
            Err(Refusal::Overflow("EUR".parse().unwrap()))
        );
        assert_eq!(state, before);
    }
}
