//! How fast the agent is, measured beside the bare token on the same machine in the same run.
//!
//! `tests/bench` builds the program as it is released and starts this. Nothing here is a test: it
//! fails only where something does not work at all.
//!
//! | module | noun |
//! |---|---|
//! | [`options`] | what the command line asks for |
//! | [`place`] | one SoftHSM token, and home folders that work with it |
//! | [`bare`] | the module's own signing loop |
//! | [`load`] | clients on the agent's socket |
//! | [`agent`] | the agent's full path, in rounds with the bare token |
//! | [`process`] | processor time and memory of a process |
//! | [`commit`], [`verify`] | what one commit and one check of a signature cost here |
//! | [`device`] | how busy the agent keeps a YubiHSM |
//! | [`memory`] | the agent's memory while it idles |
//! | [`judge`], [`reserve`], [`past`] | the policy, the book, and a book with a long past |
//! | [`report`], [`aims`], [`table`] | what was measured, what was aimed at, how it is printed |
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a benchmark may stop")]

mod agent;
mod aims;
mod bare;
mod commit;
mod device;
mod judge;
mod load;
mod memory;
mod options;
mod past;
mod place;
mod process;
mod report;
mod reserve;
mod stats;
mod table;
mod verify;

use clap::Parser;

use options::{Options, Part};
use place::Place;
use report::Report;

fn main() {
    let options = Options::parse();
    if let Some(folder) = &options.book {
        return reserve::print(folder, options.past);
    }
    let mut report = Report::new(&options);
    if options.does(Part::Bare) || options.does(Part::Agent) || options.does(Part::Memory) {
        let place = Place::new(&options);
        report.folder = place.describe();
        if options.does(Part::Bare) || options.does(Part::Agent) {
            agent::measure(&options, &place, &mut report);
        }
        if options.does(Part::Memory) {
            report.memory = memory::measure(&place);
        }
    }
    if options.does(Part::Device) {
        report.device = device::measure(&options);
    }
    if options.does(Part::Judge) {
        report.judge = judge::measure();
    }
    if options.does(Part::Reserve) {
        report.reserve = reserve::measure(&options);
    }
    report.aims = aims::of(&report);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("a report is JSON"));
    } else {
        println!("{}", table::of(&report));
    }
}
