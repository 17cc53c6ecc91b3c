//! Text from elsewhere, made safe for a terminal.

use std::borrow::Cow;

/// Makes visible what a terminal would obey or hide: control characters, and characters that are
/// invisible or reorder the text around them. `\u{1b}[2J` becomes the seven characters `<U+001B>[2J`.
pub fn clean(text: &str) -> Cow<'_, str> {
    replace(text, |c| format!("<U+{:04X}>", u32::from(c)))
}

/// The same inside JSON, where the characters can stand in strings only and so may be escaped.
/// Line breaks between values stay.
pub fn clean_json(json: &str) -> Cow<'_, str> {
    replace_but(
        json,
        |c| c == '\n',
        |c| {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        },
    )
}

fn replace(text: &str, with: impl Fn(char) -> String) -> Cow<'_, str> {
    replace_but(text, |_| false, with)
}

fn replace_but(text: &str, keep: impl Fn(char) -> bool, with: impl Fn(char) -> String) -> Cow<'_, str> {
    let unsafe_here = |c: char| acts(c) && !keep(c);
    if !text.contains(unsafe_here) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len()), |mut clean, c| {
        if unsafe_here(c) {
            clean.push_str(&with(c))
        } else {
            clean.push(c)
        }
        clean
    }))
}

/// C0 and C1 controls (ECMA-48), line and paragraph separators, Unicode's bidirectional controls
/// (UAX #9) and zero-width characters, and the tag characters.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn case_table() {
        for (text, cleaned) in [
            ("Fresh Market, Müller 請求書", "Fresh Market, Müller 請求書"),
            ("\u{1b}[2Jgone", "<U+001B>[2Jgone"),
            ("a\r\nb\tc", "a<U+000D><U+000A>b<U+0009>c"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("\u{202e}EUR 05", "<U+202E>EUR 05"),
            ("a\u{200b}b\u{7f}", "a<U+200B>b<U+007F>"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({"memo": "\u{1b}[2J\u{9b}\u{202e}\u{e0041}é\n"});
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let cleaned = clean_json(&pretty);
        assert!(cleaned.chars().all(|c| c == '\n' || !acts(c)), "{cleaned:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&cleaned).unwrap(), value);
    }
}
