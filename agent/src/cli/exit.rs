//! Exit codes: what a script learns without reading any text.

/// How a command ended. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what it was asked to.
    Done = 0,
    /// The policy denies the payment; or it does not say what a case expects, or said before.
    Denied = 1,
    /// The command line, or a request, is wrong.
    Usage = 2,
    /// The home folder, its configuration or its policy.
    Home = 3,
    /// The token or its PKCS#11 module.
    Token = 4,
    /// The PIN.
    Pin = 5,
    /// A key: there is none, more than one, or one with two roles.
    Key = 6,
    /// The book, the ledger or the anchor: damaged, missing or rolled back.
    Damaged = 7,
    /// No agent is running.
    NotRunning = 8,
    /// Another agent is running, or its socket is in use.
    InUse = 9,
    /// Busy or unavailable; nothing was decided.
    Busy = 10,
    /// Some rows of a batch were refused or denied, or some decisions of a person do not count.
    Rows = 11,
    /// A verification failed.
    Unverified = 12,
    /// The ledger refused a signed payment.
    Refused = 13,
    /// A file could not be read or written.
    File = 14,
    /// A payment is decided or may be, and is not finished: under another key it could be paid twice.
    Unfinished = 15,
    /// A payment waits for approvals.
    Waiting = 16,
    /// Two policy bundles cannot be compared, and nobody said to go on all the same.
    Uncompared = 17,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Exit; 18] = [
        Exit::Done,
        Exit::Denied,
        Exit::Usage,
        Exit::Home,
        Exit::Token,
        Exit::Pin,
        Exit::Key,
        Exit::Damaged,
        Exit::NotRunning,
        Exit::InUse,
        Exit::Busy,
        Exit::Rows,
        Exit::Unverified,
        Exit::Refused,
        Exit::File,
        Exit::Unfinished,
        Exit::Waiting,
        Exit::Uncompared,
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The other way round; of a child that a command speaks for.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

    /// For the help text.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "the policy denies the payment, or does not say what was expected",
            Self::Usage => "the command line or the request is wrong",
            Self::Home => "home folder, configuration or policy",
            Self::Token => "token or PKCS#11 module",
            Self::Pin => "PIN missing or refused",
            Self::Key => "key: none, several of one name, or one in two roles",
            Self::Damaged => "book, ledger or anchor damaged, missing or rolled back",
            Self::NotRunning => "the agent is not running",
            Self::InUse => "another agent runs on this home, or the socket is in use",
            Self::Busy => "busy or unavailable; try again",
            Self::Rows => "some rows of a batch were refused or denied, or some decisions do not count",
            Self::Unverified => "verification failed",
            Self::Refused => "the ledger refused the payment",
            Self::File => "a file could not be read or written",
            Self::Unfinished => {
                "a payment is not finished, or its fate is unknown; ask again with the same --key or file only"
            }
            Self::Waiting => "a payment waits for approvals; `bursar inbox` shows whose",
            Self::Uncompared => "two policy bundles cannot be compared; nothing was done",
        }
    }

    /// One word for programs, in JSON errors.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Usage => "usage",
            Self::Home => "home",
            Self::Token => "token",
            Self::Pin => "pin",
            Self::Key => "key",
            Self::Damaged => "damaged",
            Self::NotRunning => "not-running",
            Self::InUse => "in-use",
            Self::Busy => "busy",
            Self::Rows => "rows",
            Self::Unverified => "unverified",
            Self::Refused => "refused",
            Self::File => "file",
            Self::Unfinished => "unfinished",
            Self::Waiting => "waiting",
            Self::Uncompared => "uncompared",
        }
    }

    /// All codes as a table for `bursar --help`.
    pub fn help() -> String {
        let line = |exit: Exit| format!("\n  {:>2}  {}", exit.code(), exit.meaning());
        format!("Exit codes:{}", Self::ALL.map(line).concat())
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once() {
        for (i, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), i);
            assert_eq!(Exit::from_code(i32::from(exit.code())), Some(exit));
        }
        assert_eq!(Exit::from_code(101), None);
    }
}
