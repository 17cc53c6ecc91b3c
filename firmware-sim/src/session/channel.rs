//! An open session's channel: MACs, encryption, and the counter.
//!
//! Source: GlobalPlatform Card Technology, Secure Channel Protocol '03', 6.2.4 to 6.2.7.

use aes::Aes128;
use aes::cipher::{
    BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, block_padding,
};
use cmac::Cmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::kdf::authenticate;
use crate::error::Code;
use crate::frame;

/// Bytes of a MAC that travel.
pub(crate) const MAC: usize = 8;
/// The command byte of an answer in a session.
const ANSWER: u8 = 0x85;

/// The keys of a session, and where its chain stands.
pub(crate) struct Channel {
    encryption: Aes128,
    mac: Cmac<Aes128>,
    response_mac: Cmac<Aes128>,
    chain: [u8; 16],
    counter: u128,
}

/// A request that was authentic, and how its answer is to be encrypted.
pub(crate) struct Request {
    pub plain: Zeroizing<Vec<u8>>,
    iv: [u8; 16],
}

impl Channel {
    pub(crate) fn new(encryption: [u8; 16], mac: [u8; 16], response_mac: [u8; 16], chain: [u8; 16]) -> Self {
        let [encryption, mac, response_mac] =
            [encryption, mac, response_mac].map(|key| Zeroizing::new(key.into()));
        Self {
            encryption: Aes128::new(&encryption),
            mac: Cmac::new(&mac),
            response_mac: Cmac::new(&response_mac),
            chain,
            counter: 1,
        }
    }

    /// Takes a whole message apart: command, length, session, ciphertext, MAC.
    ///
    /// # Errors
    /// [`Code::AuthenticationFailed`] when its MAC is wrong; then the session must end.
    pub(crate) fn open(&mut self, message: &[u8]) -> Result<Request, Code> {
        let (signed, mac) = message.split_last_chunk::<MAC>().ok_or(Code::WrongLength)?;
        let chain = authenticate(&self.mac, &[&self.chain, signed]);
        if !bool::from(chain.split_at(MAC).0.ct_eq(mac)) {
            return Err(Code::AuthenticationFailed);
        }
        self.chain = chain;
        let mut iv = self.counter.to_be_bytes().into();
        self.encryption.encrypt_block(&mut iv);
        self.counter = self.counter.wrapping_add(1);
        let ciphertext = signed.get(frame::HEADER + 1..).ok_or(Code::WrongLength)?;
        let plain = cbc::Decryptor::inner_iv_init(&self.encryption, &iv)
            .decrypt_padded_vec::<block_padding::Iso7816>(ciphertext)
            .map_err(|_| Code::WrongLength)?;
        Ok(Request { plain: plain.into(), iv: iv.into() })
    }

    /// The answer to a request, encrypted, with its MAC.
    pub(crate) fn seal(&self, session: u8, request: &Request, answer: &[u8]) -> Vec<u8> {
        let ciphertext = cbc::Encryptor::inner_iv_init(&self.encryption, &request.iv.into())
            .encrypt_padded_vec::<block_padding::Iso7816>(answer);
        let length = u16::try_from(1 + ciphertext.len() + MAC).unwrap_or(u16::MAX);
        let mut message = Vec::with_capacity(frame::HEADER + usize::from(length));
        message.push(ANSWER);
        message.extend(length.to_be_bytes());
        message.push(session);
        message.extend(ciphertext);
        let mac = authenticate(&self.response_mac, &[&self.chain, &message]);
        message.extend(mac.split_at(MAC).0);
        message
    }
}
