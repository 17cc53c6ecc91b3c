//! An asset as it is written on the command line: `EUR:2`.

use std::str::FromStr;

use bursar_core::amount::Asset;

/// A name and a number of decimals.
#[derive(Clone, Debug)]
pub struct NamedAsset(pub Asset);

impl FromStr for NamedAsset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not an asset; write its name and its number of decimals, like EUR:2");
        let (name, decimals) = text.split_once(':').ok_or_else(wrong)?;
        let name = name.parse().map_err(|error: bursar_core::name::NameError| error.to_string())?;
        let asset =
            Asset::new(name, decimals.parse().map_err(|_| wrong())?).map_err(|error| error.to_string())?;
        Ok(Self(asset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_table() {
        let read = |text: &str| {
            text.parse::<NamedAsset>().map(|asset| (asset.0.name().to_string(), asset.0.decimals()))
        };
        assert_eq!(read("EUR:2"), Ok(("EUR".to_owned(), 2)));
        assert_eq!(read("UNIT:0"), Ok(("UNIT".to_owned(), 0)));
        for text in ["", "EUR", ":2", "EUR:", "EUR:-1", "EUR:256", "EUR:2.0", "E UR :2 "] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
