//! An account as it is named on a command line: `NAME=LABEL`.

use std::str::FromStr;

use bursar_core::name::Name;

/// An account and the label of its key; `NAME` alone means a key of that label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    /// The account's name in the configuration and the policy.
    pub account: Name,
    /// The label of its key in the token.
    pub label: String,
}

impl FromStr for AccountKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (account, label) = text.split_once('=').unwrap_or((text, text));
        let account = account.parse().map_err(|error: bursar_core::name::NameError| error.to_string())?;
        if label.is_empty() || label.len() > 255 || label.chars().any(char::is_control) {
            return Err("a key's label is 1 to 255 bytes without control characters".to_owned());
        }
        Ok(Self { account, label: label.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_table() {
        let read = |text: &str| text.parse::<AccountKey>().map(|key| (key.account.to_string(), key.label));
        for (text, account, label) in [
            ("expenses", "expenses", "expenses"),
            ("expenses=card 7", "expenses", "card 7"),
            ("a=b=c", "a", "b=c"),
        ] {
            assert_eq!(read(text), Ok((account.to_owned(), label.to_owned())), "{text}");
        }
        for text in ["", "=x", "a=", "a=\u{7}", " a=b"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
