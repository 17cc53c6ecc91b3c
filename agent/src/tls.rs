//! TLS between homes: version 1.3 alone, both ends with a certificate, each known by its fingerprint.

pub mod certificate;
pub mod fingerprint;
mod pinned;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

pub use pinned::WrongServer;

use certificate::{Certificate, CertificateError};
use fingerprint::Fingerprint;
use pinned::{AnyClient, OneServer};

/// What is spoken inside, for clients that ask (RFC 7301).
const ALPN: &[u8] = b"http/1.1";

/// How the agent of a home answers.
pub fn server(home: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
    let own = Certificate::load(home)?;
    let provider = provider();
    let any = Arc::new(AnyClient::new(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .and_then(|config| config.with_client_cert_verifier(any).with_single_cert(vec![own.der], own.key))
        .map_err(|error| Certificate::mismatch(home, &error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Nothing is resumed: each connection proves anew that its certificate's key is there.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// How a home asks the agent with this fingerprint.
pub fn client(home: &Path, pinned: Fingerprint) -> Result<Arc<ClientConfig>, CertificateError> {
    let own = Certificate::load(home)?;
    let provider = provider();
    let one = Arc::new(OneServer::new(&provider, pinned));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .and_then(|config| {
            let config = config.dangerous().with_custom_certificate_verifier(one);
            config.with_client_auth_cert(vec![own.der], own.key)
        })
        .map_err(|error| Certificate::mismatch(home, &error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rustls::client::ResolvesClientCert;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;
    use rustls::{ClientConnection, ServerConnection, SignatureScheme};

    use super::*;

    /// A certificate, and a key that may be another one's.
    #[derive(Debug)]
    struct Shown(Arc<CertifiedKey>);

    impl ResolvesClientCert for Shown {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }

        fn has_certs(&self) -> bool {
            true
        }
    }

    impl ResolvesServerCert for Shown {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }
    }

    fn home() -> tempfile::TempDir {
        let (home, pem) = (tempfile::tempdir().unwrap(), certificate::make().unwrap());
        std::fs::write(home.path().join(certificate::FILE), &pem.certificate).unwrap();
        std::fs::write(home.path().join(certificate::KEY), pem.key.as_bytes()).unwrap();
        home
    }

    fn shown(certificate: &Path, key: &Path) -> Arc<Shown> {
        let chain: Vec<CertificateDer<'static>> = vec![Certificate::load(certificate).unwrap().der];
        let key = provider().key_provider.load_private_key(Certificate::load(key).unwrap().key).unwrap();
        Arc::new(Shown(Arc::new(CertifiedKey::new(chain, key))))
    }

    /// Both ends in memory; what either says at the end of the handshake, and whom the server saw.
    fn shake(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Result<Fingerprint, rustls::Error> {
        let mut client = ClientConnection::new(client, ServerName::try_from("bursar").unwrap())?;
        let mut server = ServerConnection::new(server)?;
        for _ in 0..8 {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut there).unwrap();
            }
            server.read_tls(&mut there.as_slice()).unwrap();
            server.process_new_packets()?;
            while server.wants_write() {
                server.write_tls(&mut back).unwrap();
            }
            client.read_tls(&mut back.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        Ok(Fingerprint::of(&server.peer_certificates().unwrap()[0]))
    }

    #[test]
    fn each_end_proves_that_it_has_the_key() {
        let (agent, guest, thief) = (home(), home(), home());
        let (agent, guest, thief) = (agent.path(), guest.path(), thief.path());
        let pinned = certificate::fingerprint(agent).unwrap();
        let honest = || client(guest, pinned).unwrap();
        assert_eq!(shake(honest(), server(agent).unwrap()), Ok(certificate::fingerprint(guest).unwrap()));

        // A certificate is no secret, so anybody can show it: the key is what counts.
        let mut false_guest = (*honest()).clone();
        false_guest.client_auth_cert_resolver = shown(guest, thief);
        let mut false_agent = (*server(agent).unwrap()).clone();
        false_agent.cert_resolver = shown(agent, thief);
        for (client, server) in
            [(Arc::new(false_guest), server(agent).unwrap()), (honest(), Arc::new(false_agent))]
        {
            let error = shake(client, server).unwrap_err();
            assert_eq!(error, rustls::CertificateError::BadSignature.into());
        }
        let error = shake(honest(), server(thief).unwrap()).unwrap_err();
        assert!(error.to_string().contains("WrongServer"), "{error}");
    }
}
