//! An agent on another machine: where it is, and the certificate that it has to show.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::certificate::CertificateError;
use crate::tls::fingerprint::Fingerprint;
use crate::tls::{self, WrongServer};

/// For each of name, connection and handshake.
const PATIENCE: Duration = Duration::from_secs(5);

/// `[remote]` of a home's config.toml.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RemoteText")]
pub struct Remote {
    host: String,
    port: u16,
    certificate: Fingerprint,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoteText {
    url: String,
    certificate: Fingerprint,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody answers there.
    #[error("{remote} does not answer ({what}); is the agent running there, with `listen` under [agent]?")]
    Away {
        /// Where.
        remote: String,
        /// Why.
        what: String,
    },
    /// Somebody else does.
    #[error(
        "{remote} is not the agent that is pinned: {wrong}; if its certificate was renewed, compare with \
         `bursar certificate` there, then set `certificate` under [remote] in config.toml"
    )]
    Wrong {
        /// Where.
        remote: String,
        /// What was shown.
        wrong: WrongServer,
    },
    /// They do not understand each other.
    #[error(
        "{remote} does not speak TLS 1.3 as an agent does ({what}); check `url` under [remote] in config.toml"
    )]
    Handshake {
        /// Where.
        remote: String,
        /// What failed.
        what: String,
    },
}

/// A [`Remote`] with the home's own certificate to show there.
#[derive(Clone)]
pub struct Door {
    remote: Remote,
    tls: Arc<ClientConfig>,
}

impl Remote {
    /// Reads the home's own certificate, to be shown there.
    pub fn door(&self, home: &Path) -> Result<Door, CertificateError> {
        Ok(Door { remote: self.clone(), tls: tls::client(home, self.certificate)? })
    }

    /// The certificate that it has to show.
    pub fn certificate(&self) -> Fingerprint {
        self.certificate
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "https://[{host}]:{port}")
        } else {
            write!(f, "https://{host}:{port}")
        }
    }
}

impl Remote {
    /// From `https://HOST:PORT` and the fingerprint of its certificate.
    pub fn new(url: &str, certificate: Fingerprint) -> Result<Self, String> {
        let read = || {
            let (host, port) = url.strip_prefix("https://")?.rsplit_once(':')?;
            let host = match host.strip_prefix('[') {
                Some(address) => address.strip_suffix(']').filter(|address| address.contains(':'))?,
                None if host.contains(':') => return None,
                None => host,
            };
            ServerName::try_from(host).ok()?;
            let port = port.strip_suffix('/').unwrap_or(port);
            let port = port.bytes().all(|b| b.is_ascii_digit()).then_some(port)?.parse().ok()?;
            Some((host.to_owned(), (port != 0).then_some(port)?))
        };
        let (host, port) =
            read().ok_or_else(|| format!("`url` is {url:?}; write it like https://treasury.example:7420"))?;
        Ok(Self { host, port, certificate })
    }
}

impl TryFrom<RemoteText> for Remote {
    type Error = String;

    fn try_from(text: RemoteText) -> Result<Self, String> {
        Self::new(&text.url, text.certificate)
    }
}

impl Door {
    /// Connects, and makes sure that the pinned agent is there. Nothing has been asked yet when this fails.
    pub async fn connect(&self) -> Result<TlsStream<TcpStream>, RemoteError> {
        let remote = || self.remote.to_string();
        let away = |what: String| RemoteError::Away { remote: remote(), what };
        let late = |_| away(format!("no answer within {} s", PATIENCE.as_secs()));
        let place = (self.remote.host.as_str(), self.remote.port);
        let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(place)).await.map_err(late)?;
        let stream = stream.map_err(|error| away(error.to_string()))?;
        // Where it cannot be set, small requests only take longer.
        let _ = stream.set_nodelay(true);
        let handshake = |what: String| RemoteError::Handshake { remote: remote(), what };
        let name =
            ServerName::try_from(self.remote.host.clone()).map_err(|error| handshake(error.to_string()))?;
        let connecting = TlsConnector::from(self.tls.clone()).connect(name, stream);
        let connected = tokio::time::timeout(PATIENCE, connecting).await.map_err(late)?;
        connected.map_err(|error| match wrong_server(&error) {
            Some(wrong) => RemoteError::Wrong { remote: remote(), wrong },
            None => handshake(error.to_string()),
        })
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Door").field(&self.remote).finish()
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.remote.fmt(f)
    }
}

/// What [`tls`] said inside the error of a handshake.
fn wrong_server(error: &std::io::Error) -> Option<WrongServer> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) = error else {
        return None;
    };
    other.0.downcast_ref::<WrongServer>().copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(url: &str) -> Result<Remote, String> {
        let certificate = Fingerprint::of(b"abc");
        toml::from_str(&format!("url = {url:?}\ncertificate = \"{certificate}\"")).map_err(|e| e.to_string())
    }

    #[test]
    fn case_table() {
        for (url, shown) in [
            ("https://treasury.example:7420", "https://treasury.example:7420"),
            ("https://10.0.0.5:1/", "https://10.0.0.5:1"),
            ("https://[::1]:65535", "https://[::1]:65535"),
        ] {
            assert_eq!(parse(url).unwrap().to_string(), shown);
        }
        for url in [
            "",
            "http://a:1",
            "https://a",
            "https://a:0",
            "https://a:65536",
            "https://a:+1",
            "https://a:1/v1",
            "https://:1",
            "https://a b:1",
            "https://u@a:1",
            "https://::1:1",
            "https://[a]:1",
            "https://[::1:1",
        ] {
            assert!(parse(url).unwrap_err().contains("write it like https://"), "{url}");
        }
    }
}
