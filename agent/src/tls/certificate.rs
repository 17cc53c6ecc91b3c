//! The home's own certificate: self-signed, known to others by its fingerprint.

use std::path::{Path, PathBuf};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::fingerprint::Fingerprint;

/// The certificate's file in the home folder, PEM.
pub const FILE: &str = "certificate.pem";
/// Its private key's file, PEM, mode 0600.
pub const KEY: &str = "certificate.key";
/// The name in the certificate, for clients that want to see one.
pub const NAME: &str = "bursar";
/// Longest file in bytes.
const LONGEST: u64 = 64 * 1024;

/// Why there is no certificate to use.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path}: {source}; `bursar certificate --new` makes a certificate and its key")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path}: {what}; put the right file there, or make a new one with `bursar certificate --new`")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// None could be made.
    #[error("no certificate could be made: {0}; try again")]
    Make(String),
}

/// A certificate and its private key.
#[derive(Debug)]
pub struct Certificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// A new certificate and its private key, as they are written to their files.
pub struct Pem {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: Zeroizing<String>,
}

impl Certificate {
    /// Reads a home's; that the key belongs to it is checked when a connection is set up with it.
    pub fn load(home: &Path) -> Result<Self, CertificateError> {
        let der = fingerprinted(home)?.0;
        let path = home.join(KEY);
        let key = PrivateKeyDer::from_pem_slice(&read(&path)?)
            .map_err(|error| CertificateError::Content { path, what: format!("no private key ({error})") })?;
        Ok(Self { der, key })
    }

    /// What others know it by.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    pub(super) fn mismatch(home: &Path, error: &rustls::Error) -> CertificateError {
        let what = format!("it is not the key of {FILE} ({error})");
        CertificateError::Content { path: home.join(KEY), what }
    }
}

/// The fingerprint of a home's certificate; its key is not read.
pub fn fingerprint(home: &Path) -> Result<Fingerprint, CertificateError> {
    fingerprinted(home).map(|(_, fingerprint)| fingerprint)
}

fn fingerprinted(home: &Path) -> Result<(CertificateDer<'static>, Fingerprint), CertificateError> {
    let path = home.join(FILE);
    let der = CertificateDer::from_pem_slice(&read(&path)?)
        .map_err(|error| CertificateError::Content { path, what: format!("no certificate ({error})") })?;
    let fingerprint = Fingerprint::of(&der);
    Ok((der, fingerprint))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let read = crate::durable::read(path, LONGEST).map(Zeroizing::new);
    read.map_err(|source| CertificateError::Read { path: path.to_owned(), source })
}

/// Draws a P-256 key and signs a certificate for it, good for both ends of a connection and without
/// an end: it is good for as long as it is pinned.
pub fn make() -> Result<Pem, CertificateError> {
    let failed = |error: rcgen::Error| CertificateError::Make(error.to_string());
    let pair = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new([NAME.to_owned()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&pair).map_err(failed)?;
    Ok(Pem { certificate: certificate.pem(), key: Zeroizing::new(pair.serialize_pem()) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn home(pem: &Pem) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(FILE), &pem.certificate).unwrap();
        std::fs::write(home.path().join(KEY), pem.key.as_bytes()).unwrap();
        home
    }

    #[test]
    fn each_is_new_and_read_back() {
        let (first, second) = (home(&make().unwrap()), home(&make().unwrap()));
        let read = Certificate::load(first.path()).unwrap();
        assert_eq!(read.fingerprint(), fingerprint(first.path()).unwrap());
        assert_ne!(read.fingerprint(), fingerprint(second.path()).unwrap());
        assert!(crate::tls::server(first.path()).is_ok());
        std::fs::copy(second.path().join(KEY), first.path().join(KEY)).unwrap();
        let error = crate::tls::server(first.path()).unwrap_err().to_string();
        assert!(error.contains("is not the key of certificate.pem"), "{error}");
    }

    #[test]
    fn what_is_missing_or_something_else_is_named() {
        let home = home(&make().unwrap());
        let path = home.path().join(FILE);
        std::fs::write(&path, "-----BEGIN").unwrap();
        assert!(
            matches!(Certificate::load(home.path()), Err(CertificateError::Content { path: p, .. }) if p == path)
        );
        std::fs::remove_file(&path).unwrap();
        let error = Certificate::load(home.path()).unwrap_err();
        assert!(matches!(&error, CertificateError::Read { path: p, .. } if *p == path));
        assert!(error.to_string().contains("bursar certificate --new"), "{error}");
    }
}
