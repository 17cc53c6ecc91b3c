//! The device's own error codes.

/// Why the device did not do what it was asked to; the byte after `7f 0001`.
///
/// Source: <https://docs.yubico.com/hardware/yubihsm-2/hsm-2-user-guide/hsm2-core-concepts.html>, Errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[repr(u8)]
#[allow(missing_docs, reason = "the vendor's names say it")]
pub enum Code {
    #[error("invalid command")]
    InvalidCommand = 0x01,
    #[error("invalid data")]
    InvalidData = 0x02,
    #[error("invalid session")]
    InvalidSession = 0x03,
    #[error("authentication failed")]
    AuthenticationFailed = 0x04,
    #[error("sessions full")]
    SessionsFull = 0x05,
    #[error("session failed")]
    SessionFailed = 0x06,
    #[error("storage failed")]
    StorageFailed = 0x07,
    #[error("wrong length")]
    WrongLength = 0x08,
    #[error("insufficient permissions")]
    InsufficientPermissions = 0x09,
    #[error("log full")]
    LogFull = 0x0a,
    #[error("object not found")]
    ObjectNotFound = 0x0b,
    #[error("invalid id")]
    InvalidId = 0x0c,
    #[error("SSH CA constraint violation")]
    SshCaConstraintViolation = 0x0e,
    #[error("invalid OTP")]
    InvalidOtp = 0x0f,
    #[error("demo mode")]
    DemoMode = 0x10,
    #[error("object exists")]
    ObjectExists = 0x11,
    #[error("algorithm disabled")]
    AlgorithmDisabled = 0x12,
    #[error("command unexecuted")]
    CommandUnexecuted = 0xff,
}

impl Code {
    /// The byte that travels.
    pub fn byte(self) -> u8 {
        self as u8
    }
}
