//! The commands: their numbers, and which code runs each.
//!
//! Source: <https://docs.yubico.com/hardware/yubihsm-2/hsm-2-user-guide/hsm2-cmd-reference.html>.

mod aes;
mod attest;
mod certificate;
mod delete;
mod ecdh;
mod ecdsa;
mod eddsa;
mod export_rsa;
mod export_wrapped;
mod generate_asymmetric;
mod hash;
mod hmac;
mod import_rsa;
mod import_wrapped;
mod info;
mod keys;
mod list;
mod log;
mod new;
mod oaep;
mod object_info;
mod opaque;
mod option;
mod otp;
mod otp_aead;
mod pkcs1;
mod pss;
mod public_key;
mod put_asymmetric;
mod put_authentication;
mod put_hmac;
mod put_otp;
mod put_public_wrap;
mod put_symmetric;
mod put_wrap;
mod random;
mod rsa_wrap;
mod ssh;
mod ssh_template;
mod storage;
mod template;
#[cfg(test)]
mod vectors;
mod wrap_data;
mod wrap_key;

use crate::context::Context;
use crate::error::Code;
use crate::firmware::Firmware;
use crate::reader::Reader;

pub(crate) use info::info;
pub(crate) use keys::generate as new_key;
pub(crate) use keys::{check as check_object, check_key};

macro_rules! commands {
    ($($name:ident = $byte:literal since $since:ident,)*) => {
        /// A command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the vendor's names say it")]
        #[repr(u8)]
        pub enum Command {
            $($name = $byte,)*
        }

        impl Command {
            const ALL: &[(Self, Firmware)] = &[$((Self::$name, Firmware::$since),)*];

            /// The command of this number, and the first firmware that knows it.
            fn of(byte: u8) -> Option<(Self, Firmware)> {
                match byte {
                    $($byte => Some((Self::$name, Firmware::$since)),)*
                    _ => None,
                }
            }
        }
    };
}

commands! {
    Echo = 0x01 since V2_0,
    CreateSession = 0x03 since V2_0,
    AuthenticateSession = 0x04 since V2_0,
    SessionMessage = 0x05 since V2_0,
    DeviceInfo = 0x06 since V2_0,
    ResetDevice = 0x08 since V2_0,
    GetDevicePublicKey = 0x0a since V2_3,
    CloseSession = 0x40 since V2_0,
    GetStorageInfo = 0x41 since V2_0,
    PutOpaque = 0x42 since V2_0,
    GetOpaque = 0x43 since V2_0,
    PutAuthenticationKey = 0x44 since V2_0,
    PutAsymmetricKey = 0x45 since V2_0,
    GenerateAsymmetricKey = 0x46 since V2_0,
    SignPkcs1 = 0x47 since V2_0,
    ListObjects = 0x48 since V2_0,
    DecryptPkcs1 = 0x49 since V2_0,
    ExportWrapped = 0x4a since V2_0,
    ImportWrapped = 0x4b since V2_0,
    PutWrapKey = 0x4c since V2_0,
    GetLogEntries = 0x4d since V2_0,
    GetObjectInfo = 0x4e since V2_0,
    SetOption = 0x4f since V2_0,
    GetOption = 0x50 since V2_0,
    GetPseudoRandom = 0x51 since V2_0,
    PutHmacKey = 0x52 since V2_0,
    SignHmac = 0x53 since V2_0,
    GetPublicKey = 0x54 since V2_0,
    SignPss = 0x55 since V2_0,
    SignEcdsa = 0x56 since V2_0,
    DeriveEcdh = 0x57 since V2_0,
    DeleteObject = 0x58 since V2_0,
    DecryptOaep = 0x59 since V2_0,
    GenerateHmacKey = 0x5a since V2_0,
    GenerateWrapKey = 0x5b since V2_0,
    VerifyHmac = 0x5c since V2_0,
    SignSshCertificate = 0x5d since V2_0,
    PutTemplate = 0x5e since V2_0,
    GetTemplate = 0x5f since V2_0,
    DecryptOtp = 0x60 since V2_0,
    CreateOtpAead = 0x61 since V2_0,
    RandomizeOtpAead = 0x62 since V2_0,
    RewrapOtpAead = 0x63 since V2_0,
    SignAttestationCertificate = 0x64 since V2_0,
    PutOtpAeadKey = 0x65 since V2_0,
    GenerateOtpAeadKey = 0x66 since V2_0,
    SetLogIndex = 0x67 since V2_0,
    WrapData = 0x68 since V2_0,
    UnwrapData = 0x69 since V2_0,
    SignEddsa = 0x6a since V2_0,
    BlinkDevice = 0x6b since V2_0,
    ChangeAuthenticationKey = 0x6c since V2_1,
    PutSymmetricKey = 0x6d since V2_3,
    GenerateSymmetricKey = 0x6e since V2_3,
    DecryptEcb = 0x6f since V2_3,
    EncryptEcb = 0x70 since V2_3,
    DecryptCbc = 0x71 since V2_3,
    EncryptCbc = 0x72 since V2_3,
    PutPublicWrapKey = 0x73 since V2_4,
    WrapKeyRsa = 0x74 since V2_4,
    UnwrapKeyRsa = 0x75 since V2_4,
    ExportWrappedRsa = 0x76 since V2_4,
    ImportWrappedRsa = 0x77 since V2_4,
}

impl Command {
    /// The command of this number, if the firmware knows it.
    pub(crate) fn find(byte: u8, firmware: Firmware) -> Result<Self, Code> {
        match Self::of(byte) {
            Some((command, since)) if firmware >= since => Ok(command),
            _ => Err(Code::InvalidCommand),
        }
    }

    /// Those that a firmware knows.
    pub(crate) fn known(firmware: Firmware) -> impl Iterator<Item = Self> {
        Self::ALL.iter().filter(move |(_, since)| firmware >= *since).map(|(command, _)| *command)
    }

    /// The byte that travels.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// May it be written into the log? Reading the log and asking who is there never are.
    pub(crate) fn is_loggable(self) -> bool {
        !matches!(self, Self::Echo | Self::DeviceInfo | Self::SessionMessage | Self::GetLogEntries)
    }

    /// Does it work when the log is full and must be kept? Otherwise nobody could empty it.
    pub(crate) fn works_with_full_log(self) -> bool {
        matches!(self, Self::SetLogIndex | Self::CloseSession) || !self.is_loggable()
    }

    /// Runs a command inside a session.
    pub(crate) fn run(self, context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
        match self {
            Self::Echo => Ok(data.rest().to_vec()),
            Self::DeviceInfo => info(context.profile, context.memory.now(), data),
            Self::CloseSession => data.end().map(|()| context.close()),
            Self::ResetDevice => context.reset(data),
            Self::BlinkDevice => info::blink(data),
            Self::GetStorageInfo => storage::info(context, data),
            Self::ListObjects => list::list(context, data),
            Self::GetObjectInfo => object_info::info(context, data),
            Self::DeleteObject => delete::delete(context, data),
            Self::GetPseudoRandom => random::random(context, data),
            Self::GetLogEntries => log::entries(context, data),
            Self::SetLogIndex => log::set_index(context, data),
            Self::SetOption => option::set(context, data),
            Self::GetOption => option::get(context, data),
            Self::PutAuthenticationKey => put_authentication::put(context, data),
            Self::ChangeAuthenticationKey => put_authentication::change(context, data),
            Self::PutOpaque => opaque::put(context, data),
            Self::GetOpaque => opaque::get(context, data),
            Self::PutHmacKey => put_hmac::put(context, data),
            Self::GenerateHmacKey => put_hmac::generate(context, data),
            Self::SignHmac => hmac::sign(context, data),
            Self::VerifyHmac => hmac::verify(context, data),
            Self::PutWrapKey => put_wrap::put(context, data),
            Self::GenerateWrapKey => put_wrap::generate(context, data),
            Self::ExportWrapped => export_wrapped::export(context, data),
            Self::ImportWrapped => import_wrapped::import(context, data),
            Self::WrapData => wrap_data::wrap(context, data),
            Self::UnwrapData => wrap_data::unwrap(context, data),
            Self::PutPublicWrapKey => put_public_wrap::put(context, data),
            Self::WrapKeyRsa => export_rsa::key(context, data),
            Self::UnwrapKeyRsa => import_rsa::key(context, data),
            Self::ExportWrappedRsa => export_rsa::object(context, data),
            Self::ImportWrappedRsa => import_rsa::object(context, data),
            Self::PutSymmetricKey => put_symmetric::put(context, data),
            Self::GenerateSymmetricKey => put_symmetric::generate(context, data),
            Self::EncryptEcb => aes::encrypt_ecb(context, data),
            Self::DecryptEcb => aes::decrypt_ecb(context, data),
            Self::EncryptCbc => aes::encrypt_cbc(context, data),
            Self::DecryptCbc => aes::decrypt_cbc(context, data),
            Self::PutOtpAeadKey => put_otp::put(context, data),
            Self::GenerateOtpAeadKey => put_otp::generate(context, data),
            Self::CreateOtpAead => otp_aead::create(context, data),
            Self::RandomizeOtpAead => otp_aead::randomize(context, data),
            Self::RewrapOtpAead => otp_aead::rewrap(context, data),
            Self::DecryptOtp => otp::decrypt(context, data),
            Self::PutAsymmetricKey => put_asymmetric::put(context, data),
            Self::GenerateAsymmetricKey => generate_asymmetric::generate(context, data),
            Self::GetPublicKey => public_key::get(context, data),
            Self::SignEcdsa => ecdsa::sign(context, data),
            Self::DeriveEcdh => ecdh::derive(context, data),
            Self::SignPkcs1 => pkcs1::sign(context, data),
            Self::DecryptPkcs1 => pkcs1::decrypt(context, data),
            Self::SignPss => pss::sign(context, data),
            Self::DecryptOaep => oaep::decrypt(context, data),
            Self::SignAttestationCertificate => attest::attest(context, data),
            Self::PutTemplate => template::put(context, data),
            Self::GetTemplate => template::get(context, data),
            Self::SignSshCertificate => ssh::sign(context, data),
            Self::SignEddsa => eddsa::sign(context, data),
            _ => Err(Code::InvalidCommand),
        }
    }
}
