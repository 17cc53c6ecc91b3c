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
