//! Decrypts a YubiKey's one-time password.
//!
//! Source: <https://developers.yubico.com/OTP/OTPs_Explained.html>.

use ::aes::Aes128;
use ::aes::cipher::{BlockCipherDecrypt, KeyInit};

use super::otp_aead;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::Kind;
use crate::reader::Reader;

/// What the CRC of a password with its own CRC at the end comes to.
const WHOLE: u16 = 0xf0b8;

/// Id (2), AEAD (36), password (16). Use counter (2, little-endian), session counter (1), timestamp's high
/// part (1) and low part (2, little-endian).
pub(super) fn decrypt(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let id = data.u16()?;
    let (aead, password): (_, [u8; 16]) = (data.array()?, data.array()?);
    data.end()?;
    let key = context.usable(Kind::OtpAeadKey, id, Capabilities::DECRYPT_OTP)?;
    let secret = otp_aead::open(context, &key, &aead)?;
    let (key, private_id) = secret.split_first_chunk::<16>().ok_or(Code::InvalidData)?;
    let mut plain = password.into();
    Aes128::new(key.into()).decrypt_block(&mut plain);
    let mut fields = Reader::new(&plain);
    if fields.bytes(6)? != private_id || crc(&plain) != WHOLE {
        return Err(Code::InvalidOtp);
    }
    let (uses, low): ([u8; 2], [u8; 2]) = (fields.array()?, fields.array()?);
    let (high, session) = (fields.u8()?, fields.u8()?);
    Ok([uses.as_slice(), &[session, high], &low].concat())
}

/// CRC-16 of ISO/IEC 13239, not inverted.
fn crc(bytes: &[u8]) -> u16 {
    let bit = |crc: u16| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 };
    bytes.iter().fold(0xffff, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| bit(crc)))
}
