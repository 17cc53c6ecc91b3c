//! Peers by the fingerprint of their certificate: no authority vouches for anybody.
//!
//! What a verifier answers for is that the other end has the certificate's key. Its dates and its
//! names say nothing here: who pinned it has decided.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::fingerprint::Fingerprint;

/// Takes every certificate whose key is there. Whom the fingerprint names is looked up above HTTP,
/// so that a stranger hears why it is turned away, and a record says so.
#[derive(Debug)]
pub struct AnyClient(WebPkiSupportedAlgorithms);

/// Takes one certificate only.
#[derive(Debug)]
pub struct OneServer {
    pinned: Fingerprint,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Another certificate than the one that is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it shows the certificate {found}, and {pinned} is pinned")]
pub struct WrongServer {
    /// What was shown.
    pub found: Fingerprint,
    /// What was expected.
    pub pinned: Fingerprint,
}

impl AnyClient {
    /// With the provider's algorithms.
    pub fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl OneServer {
    /// The one with this fingerprint.
    pub fn new(provider: &CryptoProvider, pinned: Fingerprint) -> Self {
        Self { pinned, algorithms: provider.signature_verification_algorithms }
    }
}

/// TLS 1.2 is not compiled in; were it, nothing would be signed in it.
fn only_tls13<T>() -> Result<T, Error> {
    Err(Error::General("only TLS 1.3 is spoken here".to_owned()))
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        only_tls13()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl ServerCertVerifier for OneServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = Fingerprint::of(end_entity);
        if found == self.pinned {
            return Ok(ServerCertVerified::assertion());
        }
        let wrong = WrongServer { found, pinned: self.pinned };
        Err(CertificateError::Other(OtherError(Arc::new(wrong))).into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        only_tls13()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
