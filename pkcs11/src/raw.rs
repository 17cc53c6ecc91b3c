//! The crate's only `unsafe`: two calls that `cryptoki` has no equivalent for.
//!
//! `Session::sign` asks for the signature's length first, which costs a C_Sign of its own (10-30 %
//! on SoftHSM) and breaks NSS, which answers 144 and then takes no other buffer than 64 bytes for
//! Ed25519. All signatures here have 64 bytes, so one C_Sign into a fixed buffer does.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::path::Path;
use std::ptr::{NonNull, null_mut};

use cryptoki::context::{CInitializeArgs, CInitializeFlags};
use cryptoki::error::Rv;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki_sys as sys;

use crate::{Algorithm, Error};

type SignInit =
    unsafe extern "C" fn(sys::CK_SESSION_HANDLE, sys::CK_MECHANISM_PTR, sys::CK_OBJECT_HANDLE) -> sys::CK_RV;
type Sign = unsafe extern "C" fn(
    sys::CK_SESSION_HANDLE,
    sys::CK_BYTE_PTR,
    sys::CK_ULONG,
    sys::CK_BYTE_PTR,
    sys::CK_ULONG_PTR,
) -> sys::CK_RV;

/// C_SignInit and C_Sign of a module, and the library that keeps them mapped.
pub(crate) struct Calls {
    sign_init: SignInit,
    sign: Sign,
    _library: sys::Pkcs11,
}

impl Calls {
    /// Maps the module once more; the loader gives the same library that `cryptoki` has mapped.
    pub(crate) fn load(path: &Path) -> Result<Calls, String> {
        // SAFETY: `path` has been loaded as a PKCS#11 module by `cryptoki` just before, so its
        // constructors have run; the symbols are called as the standard declares them.
        let library = unsafe { sys::Pkcs11::new(path) }.map_err(|e| e.to_string())?;
        let mut list: *mut sys::CK_FUNCTION_LIST = null_mut();
        if library.C_GetFunctionList.is_err() {
            return Err("it has no C_GetFunctionList".to_owned());
        }
        // SAFETY: the symbol exists, and `list` is a valid place for the pointer.
        let rv = unsafe { library.C_GetFunctionList(&mut list) };
        if rv != sys::CKR_OK || list.is_null() {
            return Err(format!("C_GetFunctionList gave 0x{rv:08X}"));
        }
        // SAFETY: CKR_OK with a pointer that is not null: it points to the module's static table,
        // which lives as long as the library is mapped. It may be packed, hence unaligned.
        let table = unsafe { list.read_unaligned() };
        match (table.C_SignInit, table.C_Sign) {
            (Some(sign_init), Some(sign)) => Ok(Calls { sign_init, sign, _library: library }),
            _ => Err("it cannot sign".to_owned()),
        }
    }

    /// One signature of exactly 64 bytes: CKM_EDDSA without parameters over the message, or
    /// CKM_ECDSA over its 32-byte digest. Between C_SignInit and C_Sign comes what a key wants that
    /// is authenticated at each use.
    pub(crate) fn sign(
        &self,
        session: &Session,
        algorithm: Algorithm,
        key: ObjectHandle,
        input: &[u8],
        between: impl FnOnce() -> Result<(), Error>,
    ) -> Result<[u8; 64], Error> {
        let mut mechanism = sys::CK_MECHANISM {
            mechanism: match algorithm {
                Algorithm::Ed25519 => sys::CKM_EDDSA,
                Algorithm::Secp256k1 | Algorithm::P256 => sys::CKM_ECDSA,
            },
            pParameter: null_mut(),
            ulParameterLen: 0,
        };
        // SAFETY: `session` is borrowed, so nobody else uses or closes it meanwhile; `mechanism`
        // outlives the call, and has no parameters.
        let rv = unsafe { (self.sign_init)(session.handle(), &mut mechanism, key.handle()) };
        ok(rv, "C_SignInit")?;
        between()?;
        let mut signature = [0u8; 64];
        let mut length: sys::CK_ULONG = 64;
        let input_length = sys::CK_ULONG::try_from(input.len())
            .map_err(|_| Error::Unsupported("a message of this length".to_owned()))?;
        // SAFETY: as above; the module reads `input_length` bytes of `input`, which it does not
        // write to (the parameter is const in meaning, not in type), and writes `length` bytes at
        // most to `signature`, which has that many.
        let rv = unsafe {
            (self.sign)(
                session.handle(),
                input.as_ptr().cast_mut(),
                input_length,
                signature.as_mut_ptr(),
                &mut length,
            )
        };
        ok(rv, "C_Sign")?;
        if length == 64 {
            Ok(signature)
        } else {
            Err(Error::Device(format!("a signature of {length} bytes in C_Sign")))
        }
    }
}

/// Arguments of C_Initialize, with the string that NSS wants in the reserved field.
pub(crate) fn initialize_args(reserved: Option<&CString>) -> CInitializeArgs {
    let flags = CInitializeFlags::OS_LOCKING_OK;
    let pointer = reserved.and_then(|text| NonNull::new(text.as_ptr().cast_mut().cast()));
    match pointer {
        // SAFETY: NSS reads a NUL-terminated string during C_Initialize only, and does not write to
        // it; the caller keeps `reserved` for as long as it uses the arguments.
        Some(pointer) => unsafe { CInitializeArgs::new_with_reserved(flags, pointer) },
        None => CInitializeArgs::new(flags),
    }
}

fn ok(rv: sys::CK_RV, function: &str) -> Result<(), Error> {
    match Rv::from(rv) {
        Rv::Ok => Ok(()),
        Rv::Error(rv) => Err(Error::from_rv(rv, function)),
    }
}
