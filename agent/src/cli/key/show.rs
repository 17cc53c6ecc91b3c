//! `bursar key show`

use bursar_core::key::PublicKey;
use data_encoding::HEXLOWER;

use super::open::{KeyView, open_any, role_in};
use super::spki;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page};
use crate::config::Home;
use crate::keys_file::KeysFile;

/// Print a public key
///
/// NAME is an account, "audit", "node", "approver", "administrator", or the label of a key in the token.
/// In an agent's home neither token nor PIN is needed for any but the last.
///
/// Example: bursar key show expenses --format address
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// An account, a role, or a label
    name: String,
    /// How to write it [pem: SubjectPublicKeyInfo; hex: the key's bytes; address: with a checksum]
    #[arg(long, value_enum, default_value = "address")]
    format: Format,
    /// Try the PIN again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Pem,
    Hex,
    Address,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let home = global.any_home()?;
    let view = match known(&home, &args.name) {
        Some((key, label)) => {
            let role = role_in(&home, &label);
            KeyView::new(key, Some(label), role)
        }
        None => {
            let (home, token, runtime) = open_any(global, args.retry_pin)?;
            let key = runtime.block_on(token.find(label(&home, &args.name)))?;
            KeyView::new(*key.public(), Some(key.label().to_owned()), role_in(&home, key.label()))
        }
    };
    let mut page = Page::new();
    page.text(&match args.format {
        Format::Pem => spki::pem(&view.key)?,
        Format::Hex => HEXLOWER.encode(view.key.bytes()),
        Format::Address => view.address.clone(),
    });
    let mut json = serde_json::to_value(&view).unwrap_or_default();
    json["hex"] = HEXLOWER.encode(view.key.bytes()).into();
    json["pem"] = spki::pem(&view.key)?.into();
    Ok(Output::new(&json, page))
}

/// The key of an account or role from the home's file of public keys, with its label.
fn known(home: &Home, name: &str) -> Option<(PublicKey, String)> {
    let Home::Agent(config) = home else { return None };
    let keys = KeysFile::load(&config.home).ok()?;
    let labels = &config.labels;
    if let (Some(key), Some(label)) = (keys.accounts.get(name), labels.accounts.get(name)) {
        return Some((*key, label.clone()));
    }
    match name {
        "audit" => Some((keys.audit, labels.audit.clone())),
        "node" => Some((keys.node?, labels.node.clone()?)),
        "approver" => Some((keys.approver?, labels.approver.clone()?)),
        "administrator" => Some((keys.administrator?, labels.administrator.clone()?)),
        _ => None,
    }
}

/// In a person's home a role stands for its key, which only the token knows.
fn label<'a>(home: &'a Home, name: &'a str) -> &'a str {
    let office = match (home, name) {
        (Home::Person(person), "approver") => person.approver.as_ref(),
        (Home::Person(person), "administrator") => person.administrator.as_ref(),
        _ => None,
    };
    office.map_or(name, |office| &office.key)
}
