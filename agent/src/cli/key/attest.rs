//! `bursar key attest`

use std::path::PathBuf;

use serde::Serialize;

use super::open::open_any;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output::{Output, Page, Style};
use crate::token::attestation::{Attested, authorities};

/// The folder of the attestations in the home folder.
const FOLDER: &str = "attestations";
/// Longest file of certificates.
const LONGEST: u64 = 1 << 20;

/// Have a YubiHSM prove that it made a key itself
///
/// The device signs a certificate that says of the key where it was made, what it may do and for whom;
/// that is verified against what the device lists, and kept in the home folder under attestations/.
/// Without --root it is not proved that a device of Yubico's is speaking: a program can say the same.
///
/// Example: bursar key attest expenses --root yubihsm2-attest-ca.pem
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The key's label
    label: String,
    /// Certificates that vouch for devices, PEM: Yubico's root, and the one that it signed
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Try the password again after it was refused and corrected
    #[arg(long)]
    retry_pin: bool,
}

#[derive(Serialize)]
struct Answer {
    label: String,
    serial: u32,
    firmware: String,
    id: u16,
    /// Who vouches for the device; nobody without --root.
    authority: Option<String>,
    file: PathBuf,
    simulator: bool,
}

pub fn run(global: &Global, args: Args) -> Result<Output, CliError> {
    let authorities = match &args.root {
        Some(path) => {
            let failed = |source| CliError::File { path: path.clone(), source };
            let text = crate::durable::read(path, LONGEST).map_err(failed)?;
            Some(authorities(&text).map_err(|error| CliError::Usage(error.to_string()))?)
        }
        None => None,
    };
    let (home, token, runtime) = open_any(global, args.retry_pin)?;
    let (evidence, listed) = runtime.block_on(token.attest(&args.label))?;
    let Attested { firmware, authority } = evidence
        .verify(&listed, authorities.as_deref())
        .map_err(|error| CliError::Unverified(error.to_string()))?;
    let folder = home.path().join(FOLDER);
    let file = folder.join(file_name(&listed.label));
    let failed = |path: &PathBuf| {
        let path = path.clone();
        move |source| CliError::File { path, source }
    };
    std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
    crate::durable::replace(&file, evidence.to_pem().as_bytes()).map_err(failed(&file))?;
    let about = token.about();
    let mut page = Page::new();
    page.styled(
        Style::Good,
        format!("The device made the key {:?} itself, and no wrap key exports it.", listed.label),
    );
    page.pairs([
        ("device", about.line().into()),
        ("firmware", firmware.as_str().into()),
        ("key's id", listed.id.to_string().into()),
        ("vouched for by", authority.clone().unwrap_or_else(|| "nobody".to_owned()).into()),
        ("kept in", file.display().to_string().into()),
    ]);
    if authority.is_none() {
        page.styled(
            Style::Warn,
            "Not proved: that this is a device of Yubico's. Give its root and the certificate in between with --root.",
        );
    }
    if about.simulator {
        page.styled(
            Style::Bad,
            "The device is a simulator: what it says proves nothing about keys in hardware.",
        );
    }
    let answer = Answer {
        label: listed.label,
        serial: listed.serial,
        firmware,
        id: listed.id,
        authority,
        file,
        simulator: about.simulator,
    };
    Ok(Output::new(&answer, page))
}

/// A label as the name of a file: everything but letters, digits, `-` and `_` as %XX.
fn file_name(label: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    format!("{}.pem", label.bytes().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_leads_out_of_the_folder() {
        assert_eq!(file_name("expenses"), "expenses.pem");
        assert_eq!(file_name("../a b"), "%2E%2E%2Fa%20b.pem");
    }
}
