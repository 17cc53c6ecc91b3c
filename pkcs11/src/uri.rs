//! RFC 7512 URIs that name a token or a key.
//!
//! Read: `token`, `serial`, `manufacturer` and `model`; for keys also `object`, `id` and `type`
//! (`private` only). Everything else is refused, `pin-value` and `pin-source` with a reason: a URI
//! stands in configuration and on command lines, where no secret belongs.

mod percent;

use std::fmt;
use std::str::FromStr;

use crate::{Error, TokenInfo};

/// Which token: every attribute that is given must match; at least one is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TokenUri {
    token: Option<String>,
    serial: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
}

/// Which private key, by label, id or both; the token's attributes are optional.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyUri {
    token: Option<TokenUri>,
    object: Option<String>,
    id: Option<Vec<u8>>,
}

impl TokenUri {
    /// The token of this label.
    ///
    /// # Errors
    /// [`Error::Uri`] when no token can have it: empty, or more than 32 bytes.
    pub fn label(label: &str) -> Result<TokenUri, Error> {
        let label = fits("token", label.to_owned(), 32)?;
        Ok(TokenUri { token: Some(label), ..TokenUri::default() })
    }

    /// Label and serial number of exactly that token.
    pub fn of(info: &TokenInfo) -> TokenUri {
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        TokenUri { token: filled(info.label()), serial: filled(info.serial()), ..TokenUri::default() }
    }

    /// Whether the token is one that this URI names.
    pub fn matches(&self, info: &TokenInfo) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        same(&self.token, info.label())
            && same(&self.serial, info.serial())
            && same(&self.manufacturer, info.manufacturer())
            && same(&self.model, info.model())
    }

    /// Whether one token can have both names: no attribute that both give differs.
    pub fn agrees(&self, other: &TokenUri) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| {
            one.as_ref().zip(other.as_ref()).is_none_or(|(one, other)| one == other)
        };
        same(&self.token, &other.token)
            && same(&self.serial, &other.serial)
            && same(&self.manufacturer, &other.manufacturer)
            && same(&self.model, &other.model)
    }

    fn is_empty(&self) -> bool {
        *self == TokenUri::default()
    }

    /// Takes the attribute if it is a token's; gives it back if it is not.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Error> {
        let (field, limit) = match name {
            "token" => (&mut self.token, 32),
            "serial" => (&mut self.serial, 16),
            "manufacturer" => (&mut self.manufacturer, 32),
            "model" => (&mut self.model, 16),
            _ => return Ok(false),
        };
        set(field, name, fits(name, percent::decode_text(name, value)?, limit)?)?;
        Ok(true)
    }

    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        mut separator: &'static str,
    ) -> Result<&'static str, fmt::Error> {
        for (name, value) in [
            ("token", &self.token),
            ("serial", &self.serial),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
        ] {
            if let Some(value) = value {
                write!(f, "{separator}{name}={}", percent::Text(value))?;
                separator = ";";
            }
        }
        Ok(separator)
    }
}

impl KeyUri {
    /// The key of this label on whatever token it is asked of.
    ///
    /// # Errors
    /// [`Error::Uri`] for an empty label.
    pub fn label(label: &str) -> Result<KeyUri, Error> {
        let label = fits("object", label.to_owned(), 255)?;
        Ok(KeyUri { token: None, object: Some(label), id: None })
    }

    /// Exactly this key on exactly that token.
    pub(crate) fn of(token: &TokenInfo, label: &str, id: &[u8]) -> KeyUri {
        KeyUri {
            token: Some(TokenUri::of(token)).filter(|uri| !uri.is_empty()),
            object: (!label.is_empty()).then(|| label.to_owned()),
            id: Some(id.to_vec()),
        }
    }

    /// The token it is on, if the URI says so.
    pub fn token(&self) -> Option<&TokenUri> {
        self.token.as_ref()
    }

    /// CKA_LABEL of the key.
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// CKA_ID of the key.
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }
}

impl FromStr for TokenUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<TokenUri, Error> {
        let mut uri = TokenUri::default();
        for (name, value) in path(text)? {
            if !uri.take(name, value)? {
                return Err(unknown(name, "token, serial, manufacturer, model"));
            }
        }
        if uri.is_empty() {
            return Err(Error::Uri("it names no token: write pkcs11:token=LABEL".to_owned()));
        }
        Ok(uri)
    }
}

impl FromStr for KeyUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<KeyUri, Error> {
        let mut token = TokenUri::default();
        let (mut object, mut id, mut kind) = (None, None, None);
        for (name, value) in path(text)? {
            if token.take(name, value)? {
                continue;
            }
            match name {
                "object" => {
                    let label = fits(name, percent::decode_text(name, value)?, 255)?;
                    set(&mut object, name, label)?;
                }
                "id" => {
                    let bytes = percent::decode(name, value)?;
                    if bytes.is_empty() {
                        return Err(Error::Uri("id is empty: leave it out".to_owned()));
                    }
                    set(&mut id, name, bytes)?;
                }
                "type" if value == "private" => set(&mut kind, name, ())?,
                "type" => {
                    return Err(Error::Uri(format!("type={value}: only type=private names a key here")));
                }
                _ => {
                    return Err(unknown(name, "token, serial, manufacturer, model, object, id, type"));
                }
            }
        }
        if object.is_none() && id.is_none() {
            return Err(Error::Uri("it names no key: write pkcs11:token=LABEL;object=LABEL".to_owned()));
        }
        Ok(KeyUri { token: Some(token).filter(|t| !t.is_empty()), object, id })
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pkcs11:")?;
        self.write(f, "").map(|_| ())
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pkcs11:")?;
        let mut separator = "";
        if let Some(token) = &self.token {
            separator = token.write(f, separator)?;
        }
        if let Some(object) = &self.object {
            write!(f, "{separator}object={}", percent::Text(object))?;
            separator = ";";
        }
        if let Some(id) = &self.id {
            write!(f, "{separator}id={}", percent::Binary(id))?;
            separator = ";";
        }
        write!(f, "{separator}type=private")
    }
}

/// The path attributes, undecoded. RFC 7512 section 2.3: `pkcs11:` path [ `?` query ].
fn path(text: &str) -> Result<Vec<(&str, &str)>, Error> {
    let rest = match text.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("pkcs11:") => rest,
        _ => return Err(Error::Uri("it does not begin with pkcs11:".to_owned())),
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if let Some(attribute) = query.split('&').find(|a| !a.is_empty()) {
        // Never the value: it may be the PIN.
        let name = attribute.split('=').next().unwrap_or_default();
        return Err(Error::Uri(match name {
            "pin-value" => "pin-value would put the PIN where others can read it: remove it, the PIN is asked for or read from a file".to_owned(),
            "pin-source" => "pin-source is not read from a URI: remove it and name the PIN file in the configuration".to_owned(),
            "module-path" | "module-name" => format!("{name} is not read from a URI: name the module in the configuration"),
            _ => "only path attributes are read: remove everything from the question mark on".to_owned(),
        }));
    }
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split(';')
        .map(|attribute| {
            attribute.split_once('=').ok_or_else(|| {
                Error::Uri("an attribute has no value: write name=value, separated by semicolons".to_owned())
            })
        })
        .collect()
}

fn unknown(name: &str, known: &str) -> Error {
    Error::Uri(match name {
        "pin-value" | "pin-source" => {
            format!("{name} is refused: the PIN is asked for or read from a file, never from a URI")
        }
        _ => format!("attribute {name:?} is not read here: use {known}"),
    })
}

fn set<T>(field: &mut Option<T>, name: &str, value: T) -> Result<(), Error> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::Uri(format!("{name} is given twice"))),
    }
}

/// PKCS#11 fields have fixed lengths in bytes: a longer value can never match.
fn fits(name: &str, value: String, limit: usize) -> Result<String, Error> {
    match value.len() {
        0 => Err(Error::Uri(format!("{name} is empty: leave it out"))),
        n if n > limit => Err(Error::Uri(format!("{name} has {n} bytes, {limit} at most"))),
        _ => Ok(value),
    }
}
