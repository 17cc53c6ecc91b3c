//! Keeping secrets out of core files, debuggers and swap.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Locking memory makes sense only if all of it may be locked.
const ENOUGH: u64 = 512 * 1024 * 1024;

/// No core files, no ptrace by others of the same user; memory locked as it is touched, where the
/// limit suffices (`LimitMEMLOCK=infinity` in a systemd unit).
///
/// What could not be done is logged where somebody listens already: it is protection in depth, not what signing rests on.
pub fn harden() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core files could not be switched off");
    }
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the process could not be made non-dumpable");
    }
    let limit = rustix::process::getrlimit(Resource::Memlock).current;
    if limit.is_some_and(|bytes| bytes < ENOUGH) {
        tracing::debug!(?limit, "memory is not locked: RLIMIT_MEMLOCK is too small");
        return;
    }
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if let Err(error) = rustix::mm::mlockall(flags) {
        tracing::warn!(%error, "memory could not be locked");
    }
}
