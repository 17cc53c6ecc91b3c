//! Checked integer amounts of an asset.

use std::fmt;
use std::str::FromStr;

use ruint::aliases::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Name;

/// A whole number of an asset's minor units (cents, wei), 0 to 2^256 - 1.
///
/// There are no operators: every sum is checked and an overflow is a `None` that the caller
/// turns into a denial. As text, and so in JSON: decimal digits without sign or leading zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(U256);

/// Most decimals an asset can have; 10^36 minor units still leave 41 digits before the point.
pub const MAX_DECIMALS: u8 = 36;

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits only, or with a leading zero.
    #[error("{0:?} is not a whole number of minor units; write digits only, like 12050")]
    NotInteger(String),
    /// Not in the form of this asset.
    #[error("{text:?} is not an amount of {asset}; write it like {example}")]
    NotDecimal {
        /// What was given, cut to 100 characters.
        text: String,
        /// The asset's name.
        asset: Name,
        /// An amount in the accepted form.
        example: String,
    },
    /// More than 2^256 - 1 minor units.
    #[error("{0:?} is too large; an amount has at most 2^256 - 1 minor units")]
    TooLarge(String),
    /// More decimals than [`MAX_DECIMALS`].
    #[error("an asset has at most {MAX_DECIMALS} decimals, not {0}")]
    Decimals(u8),
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(U256::ZERO);
    /// 2^256 - 1 minor units.
    pub const MAX: Amount = Amount(U256::MAX);

    /// Is it nothing?
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum, unless it overflows.
    #[must_use]
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// The difference, unless it would be negative.
    #[must_use]
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }

    /// So many times this, unless it overflows.
    #[must_use]
    pub fn checked_mul(self, times: u64) -> Option<Amount> {
        self.0.checked_mul(U256::from(times)).map(Amount)
    }

    /// How much of `whole` it is in hundredths, rounded down; 100 where it is more, or both are nothing.
    pub(crate) fn percent_of(self, whole: Amount) -> u8 {
        let hundred = U256::from(100);
        let percent = match self.0.checked_mul(hundred) {
            Some(hundredfold) => hundredfold.checked_div(whole.0),
            None => self.0.checked_div(whole.0 / hundred),
        };
        percent.and_then(|percent| u8::try_from(percent).ok()).map_or(100, |percent| percent.min(100))
    }

    /// The amount half-way between this and a larger one, rounded down.
    pub(crate) fn half_way_to(self, larger: Amount) -> Amount {
        Amount(self.0 + (larger.0.saturating_sub(self.0) >> 1))
    }

    /// 32 bytes, big-endian.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// From 32 bytes, big-endian.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }
}

impl From<u64> for Amount {
    fn from(units: u64) -> Self {
        Self(U256::from(units))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let canonical = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        if !canonical {
            return Err(AmountError::NotInteger(cut(text)));
        }
        // 2^256 - 1 has 78 digits; a longer text is not worth the multiplications.
        if text.len() > 78 {
            return Err(AmountError::TooLarge(cut(text)));
        }
        U256::from_str_radix(text, 10).map(Amount).map_err(|_| AmountError::TooLarge(cut(text)))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer)
    }
}

/// Something that can be paid in: its name, and how many decimals people write it with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asset {
    name: Name,
    decimals: u8,
}

impl Asset {
    /// An asset with 0 to [`MAX_DECIMALS`] decimals.
    pub fn new(name: Name, decimals: u8) -> Result<Self, AmountError> {
        if decimals > MAX_DECIMALS {
            return Err(AmountError::Decimals(decimals));
        }
        Ok(Self { name, decimals })
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// How many decimals people write it with.
    pub fn decimals(&self) -> u8 {
        self.decimals
    }

    /// Reads `120.50`, or `120.50 EUR` where the name has to be this asset's.
    ///
    /// Digits, and at most as many decimals as the asset has; no sign, exponent, grouping,
    /// leading zero or white space.
    pub fn parse(&self, text: &str) -> Result<Amount, AmountError> {
        let number = match text.split_once(' ') {
            Some((number, name)) if name == self.name.as_str() => number,
            Some(_) => return Err(self.refuse(text)),
            None => text,
        };
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(self.refuse(text)),
            None => (number, ""),
        };
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let decimals = usize::from(self.decimals);
        let wrong = whole.is_empty()
            || !digits(whole)
            || !digits(fraction)
            || (whole.len() > 1 && whole.starts_with('0'))
            || fraction.len() > decimals;
        if wrong {
            return Err(self.refuse(text));
        }
        let padded = format!("{whole}{fraction:0<decimals$}");
        let units = padded.trim_start_matches('0');
        if units.is_empty() {
            Ok(Amount::ZERO)
        } else {
            units.parse().map_err(|_| AmountError::TooLarge(cut(text)))
        }
    }

    /// Writes `120.50 EUR`, always with all decimals.
    pub fn format(&self, amount: Amount) -> String {
        format!("{} {}", self.format_number(amount), self.name)
    }

    /// Writes `120.50`, always with all decimals.
    pub fn format_number(&self, amount: Amount) -> String {
        let decimals = usize::from(self.decimals);
        let units = format!("{amount:0>width$}", width = decimals + 1, amount = amount.to_string());
        let (whole, fraction) = units.split_at(units.len() - decimals);
        if decimals == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }

    fn refuse(&self, text: &str) -> AmountError {
        let example = self.format(Amount(U256::from(12_050u32)));
        AmountError::NotDecimal { text: cut(text), asset: self.name.clone(), example }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn asset(name: &str, decimals: u8) -> Asset {
        Asset::new(name.parse().unwrap(), decimals).unwrap()
    }

    #[test]
    fn hundredths_and_halves() {
        let of = |a: u64, b: u64| Amount::from(a).percent_of(Amount::from(b));
        for (a, b, percent) in
            [(0, 10, 0), (7, 10, 70), (1, 3, 33), (999, 1000, 99), (10, 10, 100), (30, 10, 100), (0, 0, 100)]
        {
            assert_eq!(of(a, b), percent, "{a} of {b}");
        }
        assert_eq!(Amount::MAX.percent_of(Amount::MAX), 100);
        assert_eq!(Amount(U256::MAX >> 1).percent_of(Amount::MAX), 50);
        assert_eq!(Amount::from(3).half_way_to(Amount::from(6)), Amount::from(4));
        assert_eq!(Amount::from(5).half_way_to(Amount::from(6)), Amount::from(5));
        assert_eq!(Amount::ZERO.half_way_to(Amount::MAX), Amount(U256::MAX >> 1));
    }

    #[test]
    fn reads_what_people_write() {
        let euro = asset("EUR", 2);
        for (text, units) in [
            ("120.50", 12050),
            ("120.50 EUR", 12050),
            ("120.5", 12050),
            ("0.01", 1),
            ("0", 0),
            ("7 EUR", 700),
        ] {
            assert_eq!(euro.parse(text), Ok(Amount::from(units)), "{text}");
        }
        assert_eq!(asset("JPY", 0).parse("120"), Ok(Amount::from(120)));
    }

    #[test]
    fn refuses_every_other_spelling_and_shows_the_accepted_one() {
        let euro = asset("EUR", 2);
        for text in [
            "", "-1", "+1", "01", "1e3", "NaN", "inf", " 1", "1 ", "1  EUR", "1.", ".5", "1.505", "1,50",
            "1_000", "1.5.0", "1 USD", "0x10", "١", "1\n", "1 EUR ", "1.-5", "--1",
        ] {
            let error = euro.parse(text).unwrap_err().to_string();
            assert!(error.contains("120.50 EUR"), "{text:?}: {error}");
        }
        assert!(asset("JPY", 0).parse("1.5").unwrap_err().to_string().contains("12050 JPY"));
        for text in ["", "-1", "+1", "01", "1e3", "1.5", " 1", "NaN", "0x1"] {
            assert!(text.parse::<Amount>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn holds_the_largest_and_nothing_larger() {
        // 2^256 - 1, as `python3 -c 'print(2**256-1)'` prints it.
        let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        let over = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        assert_eq!(largest.parse(), Ok(Amount::MAX));
        assert!(matches!(over.parse::<Amount>(), Err(AmountError::TooLarge(_))));
        assert!(matches!("9".repeat(5000).parse::<Amount>(), Err(AmountError::TooLarge(_))));
        assert!(matches!(asset("EUR", 2).parse(largest), Err(AmountError::TooLarge(_))));
        assert_eq!(Amount::MAX.checked_add(Amount::from(1)), None);
        assert_eq!(Amount::ZERO.checked_sub(Amount::from(1)), None);
        assert!(Asset::new("X".parse().unwrap(), 37).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes: [u8; 32], decimals in 0..=MAX_DECIMALS) {
            let (amount, asset) = (Amount::from_be_bytes(bytes), asset("X", decimals));
            prop_assert_eq!(asset.parse(&asset.format(amount)), Ok(amount));
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }

        #[test]
        fn sums_agree_with_128_bit_arithmetic(a: u64, b: u64) {
            let sum = Amount::from(a).checked_add(Amount::from(b)).unwrap();
            prop_assert_eq!(sum.to_string(), (u128::from(a) + u128::from(b)).to_string());
            prop_assert_eq!(sum.checked_sub(Amount::from(a)), Some(Amount::from(b)));
        }
    }
}
