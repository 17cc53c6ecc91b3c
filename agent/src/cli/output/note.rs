//! Notes that somebody else wrote, on lines that people read by their columns.

use unicode_width::UnicodeWidthChar;

/// Widest note in a table, in columns; a note has up to 140 bytes.
const WIDEST: usize = 60;
/// Stands for a space that would not be seen as one.
const SPACE: char = '·';

/// The whole note. Columns are told apart by two spaces, so a note could forge columns, and at the
/// width of a terminal whole rows: each space that follows another one, begins or ends the note is
/// made visible.
pub fn note(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut before = ' ';
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        shown.push(if c == ' ' && (before == ' ' || at == last) { SPACE } else { c });
        before = c;
    }
    shown
}

/// The note in a table, and cut short where it would push everything behind it out of sight.
pub fn short_note(text: &str) -> String {
    let whole = note(text);
    if !is_long(&whole) {
        return whole;
    }
    let mut width = 1;
    let fits = |c: &char| {
        width += c.width().unwrap_or_default();
        width <= WIDEST
    };
    let mut cut: String = whole.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

/// Is the note cut short in a table?
pub fn is_long(text: &str) -> bool {
    text.chars().map(|c| c.width().unwrap_or_default()).sum::<usize>() > WIDEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_table() {
        for (text, shown) in [
            ("", ""),
            ("November", "November"),
            ("a b c", "a b c"),
            ("a  b", "a ·b"),
            ("a   UNKNOWN  b", "a ··UNKNOWN ·b"),
            (" a ", "·a·"),
            (" ", "·"),
            ("   ", "···"),
            ("請求  書", "請求 ·書"),
        ] {
            assert_eq!(note(text), shown, "{text:?}");
            assert_eq!(short_note(text), shown, "{text:?}");
            assert!(!note(text).contains("  "));
        }
    }

    #[test]
    fn a_table_has_room_for_the_rest() {
        let fits = "x".repeat(60);
        assert_eq!(short_note(&fits), fits);
        assert_eq!(short_note(&format!("{fits}y")), format!("{}…", "x".repeat(59)));
        // Each of these takes two columns.
        assert_eq!(short_note(&"請".repeat(46)), format!("{}…", "請".repeat(29)));
        assert_eq!(note(&format!("{fits}y")).len(), 61);
    }
}
