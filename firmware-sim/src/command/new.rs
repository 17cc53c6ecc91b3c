//! New objects: what every command that makes one reads first, and what it may give.

use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::domain::Domains;
use crate::error::Code;
use crate::object::{Body, Kind, Label, Object, Origin};
use crate::reader::Reader;

/// What is asked for: id (2), label (40), domains (2), capabilities (8), algorithm (1), and for keys
/// that pass capabilities on these (8).
pub(super) struct New {
    kind: Kind,
    id: u16,
    label: Label,
    domains: Domains,
    capabilities: Capabilities,
    delegated: Capabilities,
    algorithm: u8,
}

/// What was asked for, and may be made.
pub(super) struct Admitted {
    new: New,
    pub algorithm: Algorithm,
}

impl New {
    pub(super) fn read(kind: Kind, data: &mut Reader<'_>) -> Result<Self, Code> {
        Ok(Self {
            kind,
            id: data.u16()?,
            label: Label(data.array()?),
            domains: Domains(data.u16()?),
            capabilities: Capabilities(data.u64()?),
            algorithm: data.u8()?,
            delegated: if kind.delegates() { Capabilities(data.u64()?) } else { Capabilities::NONE },
        })
    }

    /// The session needs the capability, and can give only domains that it is in and capabilities that
    /// were delegated to it; the algorithm must be one of these, and on; the id must be free.
    pub(super) fn admit(
        self,
        context: &mut Context<'_>,
        needs: Capabilities,
        algorithms: &[Algorithm],
    ) -> Result<Admitted, Code> {
        context.target = self.id;
        let grant = context.grant;
        grant.needs(needs)?;
        if self.id == 0xffff {
            return Err(Code::InvalidId);
        }
        let algorithm = Algorithm::try_from(self.algorithm)?;
        if !algorithms.contains(&algorithm) {
            return Err(Code::InvalidData);
        }
        context.enabled(algorithm)?;
        context.algorithm = Some(algorithm);
        if self.domains.0 == 0 {
            return Err(Code::InvalidData);
        }
        let given = grant.delegated.contains(self.capabilities) && grant.delegated.contains(self.delegated);
        if !(grant.domains.admits(self.domains) && given) {
            return Err(Code::InsufficientPermissions);
        }
        if context.memory.now().store.get(self.kind, self.id).is_some() {
            return Err(Code::ObjectExists);
        }
        Ok(Admitted { new: self, algorithm })
    }
}

impl Admitted {
    /// Puts the object into the store; answers its id (2).
    pub(super) fn put(
        self,
        context: &mut Context<'_>,
        origin: Origin,
        body: impl Into<zeroize::Zeroizing<Vec<u8>>>,
    ) -> Result<Vec<u8>, Code> {
        let New { kind, id, label, domains, capabilities, delegated, .. } = self.new;
        let id = if id == 0 { free_id(context, kind)? } else { id };
        context.target = id;
        context.memory.change().store.put(Object {
            kind,
            id,
            label,
            domains,
            capabilities,
            delegated,
            algorithm: self.algorithm,
            sequence: 0,
            origin,
            body: Body::new(body),
        })?;
        Ok(id.to_be_bytes().to_vec())
    }
}

/// An id that is free, any of them.
pub(super) fn free_id(context: &mut Context<'_>, kind: Kind) -> Result<u16, Code> {
    let mut start = [0; 2];
    context.rng.fill_bytes(&mut start);
    context.memory.now().store.free_id(kind, u16::from_be_bytes(start))
}
