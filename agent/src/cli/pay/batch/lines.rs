//! Which lines a row stands on, however lines end.

/// Counts lines on the way through a text; `\n`, `\r\n` and `\r` each end one.
///
/// (The csv crate counts a line late after `\r\n`, and takes blank lines for part of the next row.)
#[derive(Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    /// Before the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1 }
    }

    /// The first and last line of what lies between two places, without line ends around it. Places
    /// have to come in order.
    pub fn of(&mut self, start: usize, end: usize) -> (u64, u64) {
        let ends = |byte: Option<&u8>| matches!(byte, Some(b'\r' | b'\n'));
        let (mut first, mut last) = (start, end);
        while first < last && ends(self.bytes.get(first)) {
            first += 1;
        }
        while first < last && ends(self.bytes.get(last - 1)) {
            last -= 1;
        }
        (self.line_at(first), self.line_at(last))
    }

    fn line_at(&mut self, place: usize) -> u64 {
        while self.at < place {
            let ended = match self.bytes.get(self.at) {
                Some(b'\n') => true,
                Some(b'\r') => self.bytes.get(self.at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(ended);
            self.at += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_table() {
        // (text, start, end, first line, last line), one after the other.
        for (text, places) in [
            ("a\nb\n\nc\n", vec![(0, 2, 1, 1), (2, 4, 2, 2), (4, 7, 4, 4)]),
            ("a\r\nb\r\nc", vec![(0, 2, 1, 1), (2, 5, 2, 2), (5, 7, 3, 3)]),
            ("a\rb\rc", vec![(0, 2, 1, 1), (2, 4, 2, 2), (4, 5, 3, 3)]),
            ("a\n\"b\nc\"\nd", vec![(0, 2, 1, 1), (2, 8, 2, 3), (8, 9, 4, 4)]),
        ] {
            let mut lines = Lines::new(text.as_bytes());
            for (start, end, first, last) in places {
                assert_eq!(lines.of(start, end), (first, last), "{text:?} {start}");
            }
        }
    }
}
