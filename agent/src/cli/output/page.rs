//! What people read: lines of styled text.

use super::clean::clean;
use super::table::{Cell, Table};

/// How a piece of text looks on a terminal with colour. Meaning never rests on colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// Went well.
    Good,
    /// Went wrong, or was denied.
    Bad,
    /// Look at this.
    Warn,
    /// Beside the point.
    Dim,
}

impl Style {
    /// ECMA-48, select graphic rendition.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Warn => Some("33"),
            Self::Dim => Some("2"),
        }
    }
}

/// A piece of a line.
#[derive(Clone, Debug)]
pub struct Span {
    /// May come from anywhere; it is cleaned when it is printed.
    pub text: String,
    /// How it looks.
    pub style: Style,
}

/// One line.
#[derive(Clone, Debug, Default)]
pub struct Line(pub Vec<Span>);

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self(vec![Span { text, style: Style::Plain }])
    }
}

/// Lines to be printed.
#[derive(Clone, Debug, Default)]
pub struct Page {
    lines: Vec<Line>,
}

impl Page {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one line; line breaks in it are made visible.
    pub fn line(&mut self, line: impl Into<Line>) {
        self.lines.push(line.into());
    }

    /// Adds one line in a style.
    pub fn styled(&mut self, style: Style, text: impl Into<String>) {
        self.lines.push(Line(vec![Span { text: text.into(), style }]));
    }

    /// Adds a text of several lines.
    pub fn text(&mut self, text: &str) {
        self.lines.extend(text.lines().map(Line::from));
    }

    /// Adds everything that stands on another page.
    pub fn append(&mut self, other: Page) {
        self.lines.extend(other.lines);
    }

    /// Adds an empty line.
    pub fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// Adds a table.
    pub fn table<const N: usize>(&mut self, table: Table<N>) {
        self.lines.extend(table.into_lines());
    }

    /// Adds labels with their values, aligned; empty values are left out.
    pub fn pairs(&mut self, pairs: impl IntoIterator<Item = (&'static str, Cell)>) {
        let mut table = Table::new(["", ""]);
        for (label, value) in pairs {
            table.row([Cell::new(label, Style::Dim), value]);
        }
        self.lines.extend(table.into_lines().into_iter().skip(1).filter(|line| line.0.len() > 2));
    }

    /// The text, with or without colour.
    pub fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        for line in &self.lines {
            for span in &line.0 {
                match span.style.code().filter(|_| colour) {
                    Some(code) => text.push_str(&format!("\u{1b}[{code}m{}\u{1b}[0m", clean(&span.text))),
                    None => text.push_str(&clean(&span.text)),
                }
            }
            text.push('\n');
        }
        text
    }
}

/// `1 record`, `2 records`.
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_and_cleans() {
        let mut table = Table::new(["ID", ">AMOUNT", "MEMO"]);
        table.row(["1".into(), "1000.50".into(), "a\u{1b}[2Jb".into()]);
        table.row(["12".into(), "5.00".into(), "".into()]);
        table.row(["3".into(), Cell::new("7", Style::Bad), "請求書".into()]);
        let mut page = Page::new();
        page.table(table);
        page.pairs([("state", "denied".into()), ("memo", "".into()), ("a rule", "x".into())]);
        let expected = "\
ID   AMOUNT  MEMO
1   1000.50  a<U+001B>[2Jb
12     5.00
3         7  請求書
state   denied
a rule  x
";
        assert_eq!(page.render(false), expected);
        assert!(page.render(true).contains("\u{1b}[31m7\u{1b}[0m"));
    }
}
