//! The one session with the device: made, kept, made again, and never with a refused password twice.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ::yubihsm::client::{Error as ClientError, ErrorKind as Client};
use ::yubihsm::device::ErrorKind as Said;
use ::yubihsm::{Connector, Credentials};
use bursar_core::key::PublicKey;

use super::super::{DeviceError, Kind};
use super::connector::{self, DeviceInfo};
use super::log;
use super::log_file::DeviceLog;
use super::queue::Seat;
use crate::config::token::{Connector as Address, YubiHsm as Config};

/// The device forgets a session after 30 s without use; the crate begins another after 29.
const IDLE: Duration = Duration::from_secs(25);

/// The session, and what it takes to make it again.
pub(super) struct Session {
    address: Address,
    credentials: Credentials,
    /// Of the first device that was there, or as the configuration says: no other one is logged in to.
    serial: Option<u32>,
    pub(super) allow_vulnerable_ecdsa: bool,
    log: Option<DeviceLog>,
    client: Option<::yubihsm::Client>,
    used: Instant,
    device: Option<DeviceInfo>,
    /// The device did not answer, or not as it should, since somebody asked.
    lost: bool,
    /// The password was refused: a person's turn.
    refused: bool,
    /// Keys that returned a wrong signature.
    pub(super) quarantine: HashSet<PublicKey>,
}

impl Session {
    pub fn new(config: &Config, password: &[u8], log: Option<DeviceLog>) -> Self {
        Self {
            address: config.connector.clone(),
            credentials: Credentials::from_password(config.auth_key, password),
            serial: config.serial,
            allow_vulnerable_ecdsa: config.allow_vulnerable_ecdsa,
            log,
            client: None,
            used: Instant::now(),
            device: None,
            lost: false,
            refused: false,
            quarantine: HashSet::new(),
        }
    }

    /// Object id of the authentication key.
    pub fn auth_key(&self) -> u16 {
        self.credentials.authentication_key_id
    }

    /// What the device said of itself when the session began.
    pub fn device(&self) -> Option<&DeviceInfo> {
        self.device.as_ref()
    }

    /// Begins a session, if this is the right device and the password was not refused before.
    pub fn connect(&mut self) -> Result<DeviceInfo, DeviceError> {
        if self.refused {
            return Err(self.refusal());
        }
        let connector = connector::open(&self.address);
        let device = connector::identify(&self.address, &connector)?;
        if let Some(serial) = self.serial.filter(|serial| *serial != device.serial) {
            return Err(connector::gone(&format!(
                "the one at {} has the serial number {:010}, and not {serial:010}",
                self.address, device.serial
            )));
        }
        let client = self.log_in(connector)?;
        self.client = Some(client);
        self.used = Instant::now();
        self.serial = Some(device.serial);
        self.device = Some(device.clone());
        Ok(device)
    }

    fn log_in(&mut self, connector: Connector) -> Result<::yubihsm::Client, DeviceError> {
        let client = ::yubihsm::Client::create(connector, self.credentials.clone());
        client.and_then(|client| client.connect().map(|()| client)).map_err(|error| {
            match Answer::of(&error) {
                Answer::Refused => {
                    self.refused = true;
                    self.refusal()
                }
                Answer::Said(said) => self.words(said),
                Answer::Doubt => connector::gone(&error.to_string()),
            }
        })
    }

    /// Does what may be repeated: what only asks, and what signs the identical bytes.
    pub fn attempt<R>(
        &mut self,
        ask: impl FnMut(&::yubihsm::Client) -> Result<R, ClientError>,
    ) -> Result<R, DeviceError> {
        self.run(true, ask)
    }

    /// Does what would leave two objects behind if it were repeated, on a session that just answered.
    pub fn once<R>(
        &mut self,
        ask: impl FnMut(&::yubihsm::Client) -> Result<R, ClientError>,
    ) -> Result<R, DeviceError> {
        self.attempt(|client| client.echo(b"bursar".as_slice()))?;
        self.run(false, ask)
    }

    fn run<R>(
        &mut self,
        repeats: bool,
        mut ask: impl FnMut(&::yubihsm::Client) -> Result<R, ClientError>,
    ) -> Result<R, DeviceError> {
        let (mut retry, mut drain) = (repeats, true);
        loop {
            let client = self.client()?;
            let answer = ask(&client);
            self.used = Instant::now();
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match Answer::of(&error) {
                // It was not done, so it can be done now.
                Answer::Said(Said::LogFull) if drain && self.log.is_some() => {
                    drain = false;
                    self.drain(&client)?;
                }
                Answer::Said(said) => return Err(self.words(said)),
                Answer::Refused | Answer::Doubt => {
                    self.lost = true;
                    self.client = None;
                    if !retry {
                        return Err(connector::gone(&error.to_string()));
                    }
                    retry = false;
                }
            }
        }
    }

    fn client(&mut self) -> Result<::yubihsm::Client, DeviceError> {
        if self.used.elapsed() > IDLE {
            self.client = None;
        }
        if self.client.is_none()
            && let Err(error) = self.connect()
        {
            self.lost = true;
            return Err(error);
        }
        self.client.clone().ok_or_else(|| connector::gone("there is no session"))
    }

    /// Does the device know the session? Takes the log over before it is full. Answers whether a
    /// session was lost before.
    pub fn check(&mut self) -> Result<bool, DeviceError> {
        self.attempt(|client| client.echo(b"bursar".as_slice()))?;
        let client = self.client()?;
        let info = connector::info(&self.address, client.connector())?;
        if self.log.is_some() && info.log_used > info.log_size / 2 {
            self.drain(&client)?;
        }
        Ok(std::mem::take(&mut self.lost))
    }

    /// Takes the device's log over: durable in the home first, forgotten by the device then. If the
    /// second is lost, the next drain finds the entries again and knows them.
    fn drain(&mut self, client: &::yubihsm::Client) -> Result<(), DeviceError> {
        let (Some(log), Some(serial)) = (&mut self.log, self.serial) else { return Ok(()) };
        let unreadable = |error: ClientError| {
            DeviceError::new(
                Kind::Failed,
                format!(
                    "the YubiHSM's audit log cannot be read ({error}): read it with `yubihsm-shell -a get-logs`, then set its index there"
                ),
            )
        };
        let answer = client.get_log_entries().map_err(unreadable)?;
        let Some(last) = answer.entries.last().map(|entry| entry.item) else { return Ok(()) };
        let (boots, logins) = (answer.unlogged_boot_events, answer.unlogged_auth_events);
        // The crate does not name their type.
        let entries = answer.entries.iter().map(|entry| log::Entry {
            item: entry.item,
            command: entry.cmd.to_u8(),
            length: entry.length,
            session_key: entry.session_key,
            target_key: entry.target_key,
            second_key: entry.second_key,
            results: log::readings(entry.result.to_u8()),
            tick: entry.tick,
            digest: entry.digest.0,
        });
        let entries: Vec<_> = entries.collect();
        let unkept = |error: std::io::Error| {
            DeviceError::new(
                Kind::Failed,
                format!(
                    "the YubiHSM's audit log could not be kept in {} ({error}), so it stays in the device: mend the disk",
                    super::FILE
                ),
            )
        };
        log.keep(serial, &entries, boots, logins).map_err(unkept)?;
        client.set_log_index(last).map_err(unreadable)
    }

    fn refusal(&self) -> DeviceError {
        let id = self.auth_key();
        DeviceError::new(
            Kind::PinRefused,
            format!(
                "the YubiHSM does not open with its authentication key {id}: it has no such key, or the password is another \
             one. Correct `auth-key` or the password before you start again"
            ),
        )
    }

    /// What the device said, and what to do.
    pub fn words(&self, said: Said) -> DeviceError {
        let (kind, what) = match said {
            Said::InsufficientPermissions => (Kind::Failed, format!(
                "the YubiHSM's authentication key {} may not do this: making keys takes another one, which --provision-key \
                 names; and each key opens to the homes of its own role",
                self.auth_key()
            )),
            Said::SessionsFull => (Kind::Busy,
                "all 16 sessions of the YubiHSM are taken: wait 30 s, after which it forgets those that nobody uses, then try again".to_owned()),
            Said::StorageFailed => (Kind::Failed,
                "the YubiHSM could not store it; it holds 256 objects and 126 KB: delete what nobody needs, with yubihsm-shell".to_owned()),
            Said::LogFull => (Kind::Failed, format!(
                "the YubiHSM's audit log is full, and it does nothing until somebody has taken the log over: the agent whose \
                 config.toml does not say keep-log = false does that (into {}); start it, or read the log and set its index \
                 with yubihsm-shell",
                super::FILE
            )),
            Said::ObjectNotFound => (Kind::KeyMissing,
                "the YubiHSM has no such object any more: somebody deleted it; `bursar key list` shows what is there".to_owned()),
            Said::ObjectExists => (Kind::KeyInDoubt,
                "the YubiHSM has an object with this id already: try again".to_owned()),
            other => (Kind::Failed, format!("the YubiHSM failed: {other}: look at it with yubihsm-shell, then retry")),
        };
        DeviceError::new(kind, what)
    }
}

impl Seat for Session {
    fn reset(&mut self) {
        self.client = None;
        self.lost = true;
    }
}

/// What an error means for what comes next.
enum Answer {
    /// The device understood, and said no.
    Said(Said),
    /// It did not let us in.
    Refused,
    /// The session or the connection is in doubt.
    Doubt,
}

impl Answer {
    fn of(error: &ClientError) -> Self {
        match (error.kind(), error.device_error()) {
            (Client::AuthenticationError, _) => Self::Refused,
            // Said to a session that the device does not know, or not any more.
            (_, Some(Said::InvalidSession | Said::SessionFailed | Said::AuthenticationFailed)) => Self::Doubt,
            (_, Some(said)) => Self::Said(said),
            _ => Self::Doubt,
        }
    }
}
