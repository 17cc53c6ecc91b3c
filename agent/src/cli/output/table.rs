//! Plain tables: columns aligned by spaces, no frames, so that `cut` and eyes can read them.

use unicode_width::UnicodeWidthStr;

use super::clean::clean;
use super::page::{Line, Span, Style};

/// One cell: text, and how it looks on a terminal with colour.
#[derive(Clone, Debug)]
pub struct Cell(Span);

impl Cell {
    /// Text in a style.
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self(Span { text: text.into(), style })
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Style::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Style::Plain)
    }
}

/// Rows under headings.
#[derive(Clone, Debug)]
pub struct Table<const N: usize> {
    right: [bool; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with these headings; columns whose heading begins with `>` are set to the right.
    pub fn new(headings: [&str; N]) -> Self {
        let right = headings.map(|heading| heading.starts_with('>'));
        let headings = headings.map(|heading| Cell::new(heading.trim_start_matches('>'), Style::Bold));
        Self { right, rows: vec![headings] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    /// No rows?
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// Sets the columns out; the last one is never padded.
    pub(super) fn into_lines(self) -> Vec<Line> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, Cell(span)) in widths.iter_mut().zip(row) {
                *width = (*width).max(clean(&span.text).width());
            }
        }
        self.rows.into_iter().map(|row| line(row, &widths, &self.right)).collect()
    }
}

fn line<const N: usize>(row: [Cell; N], widths: &[usize; N], right: &[bool; N]) -> Line {
    let mut spans = Vec::with_capacity(2 * N);
    let mut gap = 0;
    for ((Cell(span), width), right) in row.into_iter().zip(widths).zip(right) {
        let padding = width.saturating_sub(clean(&span.text).width());
        let (before, after) = if *right { (gap + padding, 0) } else { (gap, padding) };
        if !span.text.is_empty() {
            spans.push(Span { text: " ".repeat(before), style: Style::Plain });
            spans.push(span);
            gap = after + 2;
        } else {
            gap = before + after + 2;
        }
    }
    Line(spans)
}
