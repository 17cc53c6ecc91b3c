//! Bytes as hex in the state file.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serializer, de};
use zeroize::Zeroizing;

pub(crate) fn serialize<S: Serializer, T: AsRef<[u8]>>(bytes: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&Zeroizing::new(HEXLOWER.encode(bytes.as_ref())))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(from: D) -> Result<T, D::Error> {
    let text = Zeroizing::new(String::deserialize(from)?);
    let bytes = HEXLOWER.decode(text.as_bytes()).map_err(de::Error::custom)?;
    bytes.try_into().map_err(|_| de::Error::custom("wrong number of bytes"))
}
