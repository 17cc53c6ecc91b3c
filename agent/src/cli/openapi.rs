//! `bursar openapi`: the description of the HTTP API.

use super::error::CliError;
use super::global::Global;
use super::output::Output;

/// Print the description of the HTTP API, OpenAPI as JSON
///
/// Example: bursar openapi > openapi.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// Needs neither home nor agent.
pub fn run(_: &Global, _: Args) -> Result<Output, CliError> {
    Ok(Output::json(crate::http::openapi::text()))
}
