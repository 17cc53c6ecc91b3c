//! A device with the hardware's times has no pauses while payments wait (`tests/bench` has the figure).

#![allow(clippy::unwrap_used)]

use bursar_tests::hsm::Hsm;
use bursar_tests::programs;

#[test]
fn payments_that_wait_keep_the_device_busy() {
    let hsm = Hsm::start(true);
    let home = hsm.home(programs!(), "p256");
    let agent = home.serve();
    let busy = hsm.pay(&home.path().join("bursar.sock"), 8, 24);
    println!("{:.4} {busy:?}", busy.share());
    assert!(busy.share() >= 0.9, "{:.3}: {busy:?}", busy.share());
    assert!(agent.stop().success());
}
