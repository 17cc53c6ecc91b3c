//! A session by two shared AES keys: SCP03's mutual authentication.
//!
//! Source: GlobalPlatform Card Technology, Secure Channel Protocol '03', 7.1.

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::channel::{Channel, MAC};
use super::kdf::{Purpose, cmac, cryptogram, session_key};
use crate::error::Code;

/// The keys of a session whose host has yet to prove itself.
#[derive(Zeroize)]
#[zeroize(drop)]
pub(crate) struct Challenged {
    encryption: [u8; 16],
    mac: [u8; 16],
    response_mac: [u8; 16],
    context: [u8; 16],
}

impl Challenged {
    /// Derives the session's keys from the static ones; answers the card's cryptogram, too.
    pub(crate) fn new(keys: &[u8; 32], host: [u8; 8], card: [u8; 8]) -> (Self, [u8; 8]) {
        let (mut encryption, mut mac, mut context) = ([0; 16], [0; 16], [0; 16]);
        encryption.copy_from_slice(keys.split_at(16).0);
        mac.copy_from_slice(keys.split_at(16).1);
        context.iter_mut().zip(host.into_iter().chain(card)).for_each(|(byte, new)| *byte = new);
        let session = Self {
            encryption: session_key(&encryption, Purpose::Encryption, &context),
            mac: session_key(&mac, Purpose::Mac, &context),
            response_mac: session_key(&mac, Purpose::ResponseMac, &context),
            context,
        };
        encryption.zeroize();
        mac.zeroize();
        let card = cryptogram(&session.mac, Purpose::CardCryptogram, &context);
        (session, card)
    }

    /// The host's proof: the whole message of the command authenticate, cryptogram and MAC last.
    pub(crate) fn prove(&self, message: &[u8]) -> Result<Channel, Code> {
        let (signed, mac) = message.split_last_chunk::<MAC>().ok_or(Code::WrongLength)?;
        let (_, shown) = signed.split_last_chunk::<8>().ok_or(Code::WrongLength)?;
        let expected = cryptogram(&self.mac, Purpose::HostCryptogram, &self.context);
        let chain = cmac(&self.mac, &[&[0; 16], signed]);
        if !bool::from(expected.ct_eq(shown) & chain.split_at(MAC).0.ct_eq(mac)) {
            return Err(Code::AuthenticationFailed);
        }
        Ok(Channel::new(self.encryption, self.mac, self.response_mac, chain))
    }
}
