//! Makes a home folder for a test, in a process of its own: the module reads SOFTHSM2_CONF once.
//!
//! Standard input is a [`bursar_tests::spec::Spec`] in JSON.

use std::error::Error;

use bursar::config::token::{Module, TokenConfig, TokenPlace};
use bursar::setup::account::AccountKey;
use bursar::setup::config_text::NewConfig;
use bursar::setup::folder::Folder;
use bursar::setup::home::{self, NewAsset, NewBalance, NewHome};
use bursar::token::Token;
use bursar::token::pin::{Pin, PinSource};
use bursar::token::provision::Algorithm;
use bursar_core::amount::Asset;
use bursar_tests::spec::Spec;

fn main() -> Result<(), Box<dyn Error>> {
    let spec: Spec = serde_json::from_reader(std::io::stdin())?;
    let folder = Folder::prepare(&spec.home)?;
    let pin = std::fs::read_to_string(&spec.pin_file)?;
    let uri = format!("pkcs11:token={}", spec.token.replace(' ', "%20"));
    let at = Module {
        module: spec.module,
        uri,
        workers: Some(1),
        environment: [("SOFTHSM2_CONF".to_owned(), std::env::var("SOFTHSM2_CONF")?)].into(),
    };
    let token = Token::open(&TokenPlace::Module(at.clone()), Pin::new(pin.trim().to_owned()), None)?;
    let place = TokenPlace::Module(Module { workers: None, ..at });
    let asset = Asset::new("EUR".parse()?, 2)?;
    let mut new = NewHome {
        config: NewConfig {
            id: home::id()?,
            token: TokenConfig { place, pin: PinSource::File(spec.pin_file) },
            audit: "audit".to_owned(),
            node: "node".to_owned(),
            administrator: None,
            accounts: Vec::new(),
            uid: rustix::process::getuid().as_raw(),
        },
        algorithms: Vec::new(),
        policy: spec.policy,
        ledger: "town".parse()?,
        assets: vec![asset.clone().into()],
        balances: Vec::new(),
    };
    for account in spec.accounts {
        let name: bursar_core::name::Name = account.name.parse()?;
        new.config.accounts.push(AccountKey { account: name.clone(), label: account.name });
        new.algorithms.push(account.algorithm.parse::<Algorithm>()?);
        let amount = asset.parse(&account.balance)?;
        if !amount.is_zero() {
            new.balances.push(NewBalance { account: name, asset: asset.name().clone(), amount });
        }
    }
    for other in spec.assets {
        let asset = Asset::new(other.name.parse()?, 2)?;
        for (account, amount) in other.balances {
            let (account, amount) = (account.parse()?, asset.parse(&amount)?);
            new.balances.push(NewBalance { account, asset: asset.name().clone(), amount });
        }
        let issuer = other.issuer.map(|issuer| issuer.parse()).transpose()?;
        new.assets.push(NewAsset { asset, issuer });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(home::make(&folder, &token, new))?;
    Ok(())
}
