//! The rules of the ledger: who has what, and whether a transfer may be recorded.

use std::collections::{BTreeMap, HashMap};

use bursar_core::amount::{Amount, Asset};
use bursar_core::decode::transfer::Transfer;
use bursar_core::intent::LedgerId;
use bursar_core::key::PublicKey;
use bursar_core::name::Name;
use bursar_core::time::Timestamp;

use super::genesis::Genesis;
use crate::ledger::Refusal;

/// How far a payer's clock may run ahead of the ledger's, in milliseconds: 5 minutes.
pub const CLOCK_SKEW_MS: i64 = 5 * 60 * 1000;

/// An account's balance in an asset.
pub type Holding = (PublicKey, Name);

/// All balances at one position of the log. Pure: time is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    ledger: LedgerId,
    assets: BTreeMap<Name, Asset>,
    /// Without zeros, so that equal states are equal maps.
    balances: HashMap<Holding, Amount>,
}

/// The two balances that a transfer leaves behind; what [`State::apply`] needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the transfer is only checked, not applied"]
pub struct Change([(Holding, Amount); 2]);

impl State {
    /// What the ledger begins with.
    pub fn first(genesis: &Genesis) -> Self {
        let balances =
            genesis.balances().iter().map(|(holding, amount)| (holding.clone(), *amount)).collect();
        Self { ledger: genesis.id(), assets: genesis.assets().clone(), balances }
    }

    /// What an account has.
    pub fn balance(&self, holding: &Holding) -> Amount {
        self.balances.get(holding).copied().unwrap_or_default()
    }

    /// Every balance that is not zero.
    pub fn balances(&self) -> &HashMap<Holding, Amount> {
        &self.balances
    }

    /// May this transfer be recorded at the ledger's time `now`? Its nonce is looked at elsewhere.
    pub fn check(&self, transfer: &Transfer, now: Timestamp) -> Result<Change, Refusal> {
        let Transfer { ledger, from, to, asset: name, amount, created, valid_until, .. } = transfer;
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
        let (payer, recipient) = ((*from, name.clone()), (*to, name.clone()));
        let have = self.balance(&payer);
        let left = have
            .checked_sub(*amount)
            .ok_or_else(|| Refusal::Funds { have: asset.format(have), asked: asset.format(*amount) })?;
        let sum = self.balance(&recipient).checked_add(*amount);
        let received = sum.ok_or_else(|| Refusal::Overflow(name.clone()))?;
        Ok(Change([(payer, left), (recipient, received)]))
    }

    /// Takes over what [`State::check`] found, which has to be of this very state.
    pub fn apply(&mut self, Change(balances): Change) {
        for (holding, amount) in balances {
            if amount.is_zero() {
                self.balances.remove(&holding);
            } else {
                self.balances.insert(holding, amount);
            }
        }
    }
}

impl Change {
    /// Whose balances change.
    pub fn holdings(&self) -> impl Iterator<Item = &Holding> {
        self.0.iter().map(|(holding, _)| holding)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
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
            let checked = state.check(&transfer, at(now));
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
        let refused = state.check(&transfer(&genesis, "1001"), at(NOON));
        assert_eq!(refused, Err(Refusal::Funds { have: "10.00 EUR".into(), asked: "10.01 EUR".into() }));
        let change = state.check(&transfer(&genesis, "1000"), at(NOON)).unwrap();
        state.apply(change);
        let holding = |key: &str| (key.parse().unwrap(), "EUR".parse().unwrap());
        assert_eq!(state.balance(&holding(ANNA)), Amount::ZERO);
        assert_eq!(state.balance(&holding(BEN)), Amount::from(1000));
        assert_eq!(state.balances().len(), 1, "zeros are left out");
        let refused = state.check(&transfer(&genesis, "1"), at(NOON));
        assert_eq!(refused, Err(Refusal::Funds { have: "0.00 EUR".into(), asked: "0.01 EUR".into() }));
        let mut grant = transfer(&genesis, "1");
        grant.asset = "GRANT".parse().unwrap();
        assert!(matches!(state.check(&grant, at(NOON)), Err(Refusal::Funds { .. })));
    }

    #[test]
    fn only_its_own_ledger_and_assets() {
        let genesis = genesis("1000");
        let state = State::first(&genesis);
        let mut other = transfer(&genesis, "1");
        other.ledger = LedgerId([0; 32]);
        assert_eq!(state.check(&other, at(NOON)), Err(Refusal::OtherLedger(LedgerId([0; 32]))));
        let mut unknown = transfer(&genesis, "1");
        unknown.asset = "USD".parse().unwrap();
        assert_eq!(state.check(&unknown, at(NOON)), Err(Refusal::UnknownAsset("USD".parse().unwrap())));
    }

    /// No genesis allows it, so the balance is put there by hand.
    #[test]
    fn a_balance_never_wraps() {
        let genesis = genesis("1000");
        let mut state = State::first(&genesis);
        state.balances.insert((BEN.parse().unwrap(), "EUR".parse().unwrap()), Amount::MAX);
        let before = state.clone();
        assert_eq!(
            state.check(&transfer(&genesis, "1"), at(NOON)),
            Err(Refusal::Overflow("EUR".parse().unwrap()))
        );
        assert_eq!(state, before);
    }
}
