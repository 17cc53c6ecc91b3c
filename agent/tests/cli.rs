//! What a person sees: help, and errors that need no agent.
//!
//! After a change that is meant, `TRYCMD=overwrite cargo test -p bursar --test cli` writes the new
//! text; read it as a newcomer would before you commit it.

#[test]
fn snapshots() {
    trycmd::TestCases::new()
        .env("HOME", "/nobody")
        .env("XDG_DATA_HOME", "")
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd");
}
