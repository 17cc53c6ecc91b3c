//! Encrypts and decrypts whole blocks with AES.

use std::sync::Arc;

use ::aes::cipher::block_padding::NoPadding;
use ::aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use ::aes::{Aes128, Aes192, Aes256};

use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::error::Code;
use crate::object::{Kind, Object};
use crate::reader::Reader;

const BLOCK: usize = 16;

/// Which way.
#[derive(Clone, Copy)]
enum Way {
    Encrypt,
    Decrypt,
}

/// Id (2), blocks. As many.
pub(super) fn encrypt_ecb(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    ecb(context, data, Capabilities::ENCRYPT_ECB, Way::Encrypt)
}

/// Id (2), blocks. As many.
pub(super) fn decrypt_ecb(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    ecb(context, data, Capabilities::DECRYPT_ECB, Way::Decrypt)
}

/// Id (2), initialisation vector (16), blocks. As many.
pub(super) fn encrypt_cbc(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    cbc(context, data, Capabilities::ENCRYPT_CBC, Way::Encrypt)
}

/// Id (2), initialisation vector (16), blocks. As many.
pub(super) fn decrypt_cbc(context: &mut Context<'_>, data: Reader<'_>) -> Result<Vec<u8>, Code> {
    cbc(context, data, Capabilities::DECRYPT_CBC, Way::Decrypt)
}

/// Every block on its own: CBC of one block with an initialisation vector of zeros.
fn ecb(
    context: &mut Context<'_>,
    mut data: Reader<'_>,
    needs: Capabilities,
    way: Way,
) -> Result<Vec<u8>, Code> {
    let key = key(context, &mut data, needs, Algorithm::AesEcb)?;
    let (blocks, []) = data.rest().as_chunks::<BLOCK>() else { return Err(Code::WrongLength) };
    let run = |block: &[u8; BLOCK]| run(key.body.bytes(), &[0; BLOCK], block, way);
    Ok(blocks.iter().map(run).collect::<Result<Vec<_>, _>>()?.concat())
}

fn cbc(
    context: &mut Context<'_>,
    mut data: Reader<'_>,
    needs: Capabilities,
    way: Way,
) -> Result<Vec<u8>, Code> {
    let key = key(context, &mut data, needs, Algorithm::AesCbc)?;
    let iv = data.array()?;
    run(key.body.bytes(), &iv, data.rest(), way)
}

fn key(
    context: &mut Context<'_>,
    data: &mut Reader<'_>,
    needs: Capabilities,
    mode: Algorithm,
) -> Result<Arc<Object>, Code> {
    let id = data.u16()?;
    let key = context.usable(Kind::SymmetricKey, id, needs)?;
    context.enabled(key.algorithm)?;
    context.enabled(mode)?;
    Ok(key)
}

fn run(key: &[u8], iv: &[u8; BLOCK], data: &[u8], way: Way) -> Result<Vec<u8>, Code> {
    if data.is_empty() || !data.len().is_multiple_of(BLOCK) {
        return Err(Code::WrongLength);
    }
    match (key.len(), way) {
        (16, Way::Encrypt) => encrypt::<::cbc::Encryptor<Aes128>>(key, iv, data),
        (24, Way::Encrypt) => encrypt::<::cbc::Encryptor<Aes192>>(key, iv, data),
        (32, Way::Encrypt) => encrypt::<::cbc::Encryptor<Aes256>>(key, iv, data),
        (16, Way::Decrypt) => decrypt::<::cbc::Decryptor<Aes128>>(key, iv, data),
        (24, Way::Decrypt) => decrypt::<::cbc::Decryptor<Aes192>>(key, iv, data),
        (32, Way::Decrypt) => decrypt::<::cbc::Decryptor<Aes256>>(key, iv, data),
        _ => Err(Code::InvalidData),
    }
}

fn encrypt<C: KeyIvInit + BlockModeEncrypt>(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, Code> {
    let cipher = C::new_from_slices(key, iv).map_err(|_| Code::InvalidData)?;
    Ok(cipher.encrypt_padded_vec::<NoPadding>(data))
}

fn decrypt<C: KeyIvInit + BlockModeDecrypt>(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, Code> {
    let cipher = C::new_from_slices(key, iv).map_err(|_| Code::InvalidData)?;
    cipher.decrypt_padded_vec::<NoPadding>(data).map_err(|_| Code::InvalidData)
}
