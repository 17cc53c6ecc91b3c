//! The connector itself: its status, and what the device says of itself outside a session.

use std::fmt;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use ::yubihsm::Connector;
use ::yubihsm::connector::HttpConfig;

use super::super::{DeviceError, Kind};
use crate::config::token::Connector as Address;

/// How long a connector may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer about its status; the real one takes 110 bytes and its headers.
const LONGEST: u64 = 4096;
/// GET DEVICE INFO: <https://developers.yubico.com/YubiHSM2/Commands/Device_Info.html>.
const DEVICE_INFO: u8 = 0x06;
/// Marks the answer to a command.
const ANSWER: u8 = 0x80;
/// What a simulated device says where a real one names its chip.
const SIMULATED_PART: &[u8] = b"SIMULATOR";
/// How the version of a simulated connector ends.
const SIMULATED_VERSION: &str = "-sim";

/// A version of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Firmware(pub [u8; 3]);

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, build] = self.0;
        write!(f, "{major}.{minor}.{build}")
    }
}

impl Firmware {
    /// From here on ECDSA does not give its keys away to whoever measures the chip (CVE-2024-45678).
    pub const SAFE_ECDSA: Self = Self([2, 4, 0]);
    /// From here on device information has a second page.
    const PAGES: Self = Self([2, 4, 0]);
}

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceInfo {
    pub firmware: Firmware,
    pub serial: u32,
    /// Entries that its audit log holds at most.
    pub log_size: u8,
    /// Entries in its audit log that nobody has taken over.
    pub log_used: u8,
    pub simulator: bool,
}

impl DeviceInfo {
    /// The first page: version (3 bytes), serial number (4, big-endian), size of the log, entries in it,
    /// and the algorithms, one byte each.
    fn parse(page: &[u8]) -> Option<Self> {
        let [major, minor, build, a, b, c, d, log_size, log_used, ..] = *page else { return None };
        let (firmware, serial) = (Firmware([major, minor, build]), u32::from_be_bytes([a, b, c, d]));
        Some(Self { firmware, serial, log_size, log_used, simulator: false })
    }
}

/// The crate's way to the device.
pub(super) fn open(address: &Address) -> Connector {
    let config = HttpConfig { addr: address.host().to_owned(), port: address.port(), ..Default::default() };
    Connector::http(&config)
}

/// Who is there? Needs no session, and so works on a device that one cannot log in to.
pub(super) fn identify(address: &Address, connector: &Connector) -> Result<DeviceInfo, DeviceError> {
    let status = status(address)?;
    if status.lines().any(|line| line.trim() == "status=NO_DEVICE") {
        return Err(gone(&format!("its connector at {address} sees none")));
    }
    let mut info = info(address, connector)?;
    let version = status.lines().find_map(|line| line.trim().strip_prefix("version=")).unwrap_or_default();
    info.simulator = version.ends_with(SIMULATED_VERSION);
    if !info.simulator && info.firmware >= Firmware::PAGES {
        // A device that has no such page is no simulator that says so.
        let part = page(connector, &[1]).unwrap_or_default();
        info.simulator = part.trim_ascii_end().ends_with(SIMULATED_PART);
    }
    Ok(info)
}

/// The first page of device information.
pub(super) fn info(address: &Address, connector: &Connector) -> Result<DeviceInfo, DeviceError> {
    let answer = page(connector, &[]).map_err(|why| gone(&format!("{address}: {why}")))?;
    DeviceInfo::parse(&answer).ok_or_else(|| {
        let what = format!(
            "what answers at {address} says nothing that a YubiHSM would: correct `yubihsm` in config.toml"
        );
        DeviceError::new(Kind::Failed, what)
    })
}

pub(super) fn gone(why: &str) -> DeviceError {
    let what = format!("the YubiHSM is not there ({why}): plug it in, start yubihsm-connector, then retry");
    DeviceError::new(Kind::Gone, what)
}

/// Sends the command outside a session; the crate has no call that does.
fn page(connector: &Connector, page: &[u8]) -> Result<Vec<u8>, String> {
    let length = [0, u8::try_from(page.len()).unwrap_or(u8::MAX)];
    let frame = [&[DEVICE_INFO], length.as_slice(), page].concat();
    let answer =
        connector.send_message(Default::default(), frame.into()).map_err(|error| error.to_string())?;
    match Vec::from(answer).split_at_checked(3) {
        Some((&[command, ..], data)) if command == DEVICE_INFO | ANSWER => Ok(data.to_vec()),
        _ => Err("the device refused to say what it is".to_owned()),
    }
}

/// `GET /connector/status`: lines like `status=OK`.
/// <https://developers.yubico.com/YubiHSM2/Component_Reference/yubihsm-connector/>
fn status(address: &Address) -> Result<String, DeviceError> {
    ask(address).map_err(|error| gone(&format!("its connector at {address} does not answer: {error}")))
}

fn ask(address: &Address) -> std::io::Result<String> {
    let to = (address.host(), address.port()).to_socket_addrs()?.next();
    let to = to.ok_or_else(|| std::io::Error::other("its name has no address"))?;
    let mut socket = TcpStream::connect_timeout(&to, PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let host = address.to_string();
    let host = host.trim_start_matches("http://");
    let request = format!("GET /connector/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    socket.take(LONGEST).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200") => {
            Ok(body.to_owned())
        }
        _ => Err(std::io::Error::other("what answers there is no yubihsm-connector")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn device_information_is_read_whatever_algorithms_it_names() {
        // 2.4.0, serial 12345678, 62 entries, 5 used, and an algorithm that the crate does not know.
        let page = [2, 4, 0, 0x00, 0xbc, 0x61, 0x4e, 62, 5, 0x2e, 0xfe];
        let info = DeviceInfo::parse(&page).unwrap();
        assert_eq!((info.serial, info.log_size, info.log_used), (12_345_678, 62, 5));
        assert!(info.firmware >= Firmware::SAFE_ECDSA && info.firmware.to_string() == "2.4.0");
        assert!(Firmware([2, 3, 255]) < Firmware::SAFE_ECDSA);
        assert_eq!(DeviceInfo::parse(&page[..8]), None);
    }
}
