//! Percent-encoding as RFC 7512 section 2.3 uses it.

use std::fmt;

use crate::Error;

/// Writes text with everything but unreserved characters (RFC 3986 section 2.3) encoded.
pub(super) struct Text<'a>(pub(super) &'a str);

/// Writes every byte encoded, as RFC 7512 recommends for `id`.
pub(super) struct Binary<'a>(pub(super) &'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(f, "{}", char::from(byte))
            } else {
                write!(f, "%{byte:02X}")
            }
        })
    }
}

impl fmt::Display for Binary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))
    }
}

/// Reads a value: `pk11-path` characters as they are, `%XX` as a byte, nothing else.
pub(super) fn decode(name: &str, value: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = (rest.next().and_then(hex), rest.next().and_then(hex));
                let (Some(high), Some(low)) = digits else {
                    return Err(Error::Uri(format!(
                        "{name}: a percent sign needs two hexadecimal digits after it"
                    )));
                };
                bytes.push(high << 4 | low);
            }
            _ if byte.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=&".contains(&byte) => {
                bytes.push(byte);
            }
            _ => {
                return Err(Error::Uri(format!("{name}: write the byte {byte:#04x} as %{byte:02X}")));
            }
        }
    }
    Ok(bytes)
}

/// The same for attributes that are UTF-8 text.
pub(super) fn decode_text(name: &str, value: &str) -> Result<String, Error> {
    String::from_utf8(decode(name, value)?).map_err(|_| Error::Uri(format!("{name} is not UTF-8")))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}
