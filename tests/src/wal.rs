//! SQLite's write-ahead log, read by its published format (<https://www.sqlite.org/fileformat2.html#walformat>).

/// Bytes of the log's header.
const HEADER: usize = 32;
/// Bytes of a frame's header.
const FRAME: usize = 24;

/// Where the commits of a log end, in bytes from its start.
pub fn commits(log: &[u8]) -> Vec<usize> {
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("four bytes"));
    assert!(matches!(word(0), 0x377f_0682 | 0x377f_0683), "not a write-ahead log");
    let page = word(8) as usize;
    let salts = &log[16..24];
    let mut ends = Vec::new();
    let mut at = HEADER;
    while at + FRAME + page <= log.len() && log[at + 8..at + 16] == *salts {
        // The database's size in pages, in the last frame of a commit only.
        let last = word(at + 4) != 0;
        at += FRAME + page;
        if last {
            ends.push(at);
        }
    }
    ends
}
