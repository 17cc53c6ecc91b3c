#![no_main]
//! What is read from a word is written as a word that is read as the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bursar_core::amount::{Amount, Asset};
use bursar_core::decode::memo::Memo;
use bursar_core::key::PublicKey;
use bursar_core::log::Origin;
use bursar_core::name::Name;
use bursar_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fn returns<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
    }
}

fuzz_target!(|text: &str| {
    returns::<Amount>(text);
    returns::<Name>(text);
    returns::<Timestamp>(text);
    returns::<PublicKey>(text);
    returns::<Origin>(text);
    if let Ok(memo) = text.parse::<Memo>() {
        assert_eq!(memo.as_str(), text);
    }
    for decimals in [0, 2, 18] {
        let Some(asset) = "EUR".parse().ok().and_then(|name| Asset::new(name, decimals).ok()) else { return };
        if let Ok(amount) = asset.parse(text) {
            let written = asset.format(amount);
            let number = written.strip_suffix(" EUR").unwrap_or(&written);
            assert_eq!(asset.parse(number).ok(), Some(amount));
        }
    }
});
