//! How full something is, as a bar.

use super::page::Style;
use super::table::Cell;

/// Characters between the brackets.
const WIDTH: u8 = 10;

/// `[#######---]  70 %`: not full before it is full, and not empty unless it is.
pub fn bar(percent: u8, empty: bool) -> Cell {
    let percent = percent.min(100);
    let full = usize::from((percent / WIDTH).max(u8::from(!empty)));
    let left = usize::from(WIDTH).saturating_sub(full);
    let style = match percent {
        0..80 => Style::Plain,
        80..100 => Style::Warn,
        _ => Style::Bad,
    };
    Cell::new(format!("[{}{}] {percent:>3} %", "#".repeat(full), "-".repeat(left)), style)
}

#[cfg(test)]
mod tests {
    use super::super::{Page, Table};
    use super::*;

    #[test]
    fn case_table() {
        for (percent, empty, drawn) in [
            (0, true, "[----------]   0 %"),
            (0, false, "[#---------]   0 %"),
            (9, false, "[#---------]   9 %"),
            (70, false, "[#######---]  70 %"),
            (99, false, "[#########-]  99 %"),
            (100, false, "[##########] 100 %"),
            (255, false, "[##########] 100 %"),
        ] {
            let mut table = Table::new([""]);
            table.row([bar(percent, empty)]);
            let mut page = Page::new();
            page.table(table);
            assert_eq!(page.render(false).trim(), drawn);
        }
    }
}
