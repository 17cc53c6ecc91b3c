//! Frames: one command byte, a big-endian length of two bytes, as many bytes of data.

use crate::command::Command;
use crate::error::Code;

/// Set in the command byte of an answer.
const ANSWER: u8 = 0x80;
/// The command byte of an answer that is an error; the data is its [`Code`].
const ERROR: u8 = 0x7f;
/// Bytes before the data.
pub(crate) const HEADER: usize = 3;

/// A frame as it came: the command and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub command: u8,
    pub data: &'a [u8],
}

/// Takes a frame apart. There must be exactly as many bytes as it says.
pub(crate) fn parse(bytes: &[u8]) -> Result<Frame<'_>, Code> {
    let (&[command, high, low], data) = bytes.split_first_chunk::<HEADER>().ok_or(Code::WrongLength)?;
    if data.len() != usize::from(u16::from_be_bytes([high, low])) {
        return Err(Code::WrongLength);
    }
    Ok(Frame { command, data })
}

/// The answer to a command.
pub(crate) fn answer(command: u8, outcome: Result<&[u8], Code>) -> Vec<u8> {
    match outcome {
        Ok(data) => frame(command | ANSWER, data),
        Err(code) => frame(ERROR, &[code.byte()]),
    }
}

/// Is it the answer to a message in a session?
pub(crate) fn is_of_session(answer: &[u8]) -> bool {
    answer.first() == Some(&(Command::SessionMessage.byte() | ANSWER))
}

/// A frame. Data that no frame can hold is a [`Code::WrongLength`], which no message of the sizes
/// that the device takes leads to.
fn frame(command: u8, data: &[u8]) -> Vec<u8> {
    let Ok(length) = u16::try_from(data.len()) else { return frame(ERROR, &[Code::WrongLength.byte()]) };
    let mut bytes = Vec::with_capacity(HEADER + data.len());
    bytes.push(command);
    bytes.extend(length.to_be_bytes());
    bytes.extend(data);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_exactly_the_length_that_it_says() {
        assert_eq!(parse(&[1, 0, 2, 7, 8]), Ok(Frame { command: 1, data: &[7, 8] }));
        assert_eq!(parse(&[1, 0, 0]), Ok(Frame { command: 1, data: &[] }));
        for wrong in [&[][..], &[1], &[1, 0], &[1, 0, 1], &[1, 0, 0, 9], &[1, 1, 0, 9]] {
            assert_eq!(parse(wrong), Err(Code::WrongLength), "{wrong:?}");
        }
    }

    #[test]
    fn answers_have_the_high_bit_and_errors_one_byte() {
        assert_eq!(answer(0x06, Ok(&[5])), [0x86, 0, 1, 5]);
        assert_eq!(answer(0x06, Err(Code::ObjectNotFound)), [0x7f, 0, 1, 0x0b]);
    }
}
