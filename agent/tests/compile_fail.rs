//! What must not compile: each file in `ui` skips a step of the story.

#[test]
fn a_skipped_step_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
