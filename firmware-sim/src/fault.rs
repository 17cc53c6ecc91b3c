//! The faults that can be asked for: one table for the flags, the control endpoint and the library.

use std::str::FromStr;
use std::time::Duration;

/// What is to happen to the device. Those with a number befall so many answers from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device is pulled out: all sessions are gone, the memory stays, the connector answers `NO_DEVICE` and 500.
    Unplug,
    /// It is put back, and starts.
    Replug,
    /// Messages are taken and not answered, until [`Fault::Release`].
    Hang,
    /// The messages that wait are answered, in their order.
    Release,
    /// Signing commands give authentic answers with a wrong signature.
    WrongSignature(u32),
    /// Answers in sessions have a wrong MAC.
    WrongMac(u32),
    /// The connection ends in the middle of the answer; the command was carried out.
    DropAnswer(u32),
    /// Every place for a session is taken, until 30 s have passed or the device starts again.
    FillSessions,
    /// Force-audit is on and the log is full.
    FillLog,
    /// Nothing can be written, until [`Fault::FreeFlash`].
    FillFlash,
    /// It can be written again.
    FreeFlash,
    /// In the middle of the next write the power goes, and comes back: the memory is the one before it.
    CutPower,
    /// The device's clock goes on by this much.
    AdvanceClock(Duration),
}

enum Make {
    Plain(Fault),
    Times(fn(u32) -> Fault),
    Seconds(fn(Duration) -> Fault),
}

/// Name, what it takes, what happens.
const TABLE: [(&str, Make, &str); 13] = [
    ("unplug", Make::Plain(Fault::Unplug), "the device is pulled out; its sessions are gone"),
    ("replug", Make::Plain(Fault::Replug), "it is put back, and starts"),
    ("hang", Make::Plain(Fault::Hang), "messages are taken and not answered"),
    ("release", Make::Plain(Fault::Release), "the messages that wait are answered"),
    ("wrong-signature", Make::Times(Fault::WrongSignature), "authentic answers with a wrong signature"),
    ("wrong-mac", Make::Times(Fault::WrongMac), "answers in sessions with a wrong MAC"),
    ("drop-answer", Make::Times(Fault::DropAnswer), "the connection ends in the middle of an answer"),
    ("fill-sessions", Make::Plain(Fault::FillSessions), "every place for a session is taken, for 30 s"),
    ("fill-log", Make::Plain(Fault::FillLog), "force-audit is on and the log is full"),
    ("fill-flash", Make::Plain(Fault::FillFlash), "nothing can be written"),
    ("free-flash", Make::Plain(Fault::FreeFlash), "it can be written again"),
    (
        "cut-power",
        Make::Plain(Fault::CutPower),
        "the power goes in the middle of the next write, and comes back",
    ),
    (
        "advance-clock",
        Make::Seconds(Fault::AdvanceClock),
        "the device's clock goes on; sessions end after 30 s",
    ),
];

/// A fault was asked for in a way that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFault {
    /// No fault has this name.
    #[error("there is no fault {0:?}; there are: {names}", names = names())]
    Unknown(String),
    /// What comes after the `=` is no number that a `u32` holds.
    #[error("{0:?} is not a whole number from 0 to 4294967295")]
    NotANumber(String),
    /// It takes no number.
    #[error("{0} takes no number")]
    NoNumber(&'static str),
    /// It takes another sort of number.
    #[error("{name} takes {takes}")]
    Takes {
        /// Its name.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
}

/// How often, or for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// So many answers; one where nothing is said.
    pub times: Option<u32>,
    /// So many seconds.
    pub seconds: Option<u32>,
}

impl Fault {
    /// The fault of this name.
    ///
    /// # Errors
    /// No fault has this name, or it takes another number.
    pub fn named(name: &str, number: Number) -> Result<Self, BadFault> {
        let (name, make, _) = entry(name)?;
        match (make, number) {
            (Make::Plain(fault), Number { times: None, seconds: None }) => Ok(*fault),
            (Make::Plain(_), _) => Err(BadFault::NoNumber(name)),
            (Make::Times(make), Number { times, seconds: None }) => Ok(make(times.unwrap_or(1))),
            (Make::Times(_), _) => Err(BadFault::Takes { name, takes: "\"times\", and no other number" }),
            (Make::Seconds(make), Number { times: None, seconds: Some(seconds) }) => {
                Ok(make(Duration::from_secs(seconds.into())))
            }
            (Make::Seconds(_), _) => Err(BadFault::Takes { name, takes: "\"seconds\", and no other number" }),
        }
    }

    /// A line for each fault: its name as a flag takes it, and what happens.
    pub fn help() -> String {
        let line = |(name, make, what): &(&str, Make, &str)| {
            let takes = match make {
                Make::Plain(_) => "",
                Make::Times(_) => "[=TIMES]",
                Make::Seconds(_) => "=SECONDS",
            };
            format!("  {:24} {what}\n", format!("{name}{takes}"))
        };
        TABLE.iter().map(line).collect()
    }
}

/// `NAME`, or `NAME=NUMBER`.
impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let Some((name, number)) = text.split_once('=') else { return Self::named(text, Number::default()) };
        let number = number.parse().map_err(|_| BadFault::NotANumber(number.to_owned()))?;
        let number = match entry(name)?.1 {
            Make::Seconds(_) => Number { seconds: Some(number), times: None },
            Make::Plain(_) | Make::Times(_) => Number { times: Some(number), seconds: None },
        };
        Self::named(name, number)
    }
}

fn entry(name: &str) -> Result<&'static (&'static str, Make, &'static str), BadFault> {
    TABLE.iter().find(|entry| entry.0 == name).ok_or_else(|| BadFault::Unknown(name.to_owned()))
}

fn names() -> String {
    TABLE.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_names_a_fault_and_its_number() {
        assert_eq!("unplug".parse(), Ok(Fault::Unplug));
        assert_eq!("wrong-mac".parse(), Ok(Fault::WrongMac(1)));
        assert_eq!("wrong-mac=3".parse(), Ok(Fault::WrongMac(3)));
        assert_eq!("advance-clock=31".parse(), Ok(Fault::AdvanceClock(Duration::from_secs(31))));
        for wrong in ["", "plug", "unplug=1", "wrong-mac=", "wrong-mac=-1", "advance-clock", "Unplug"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }
}
