//! The objects that a session sees.

use crate::algorithm::Algorithm;
use crate::capability::Capabilities;
use crate::context::Context;
use crate::domain::Domains;
use crate::error::Code;
use crate::object::{Kind, LABEL, Object};
use crate::reader::Reader;

/// What an object must be to be listed.
enum Filter {
    Id(u16),
    Kind(u8),
    Domains(Domains),
    Capabilities(Capabilities),
    Algorithm(u8),
    Label([u8; LABEL]),
}

impl Filter {
    fn read(data: &mut Reader<'_>) -> Result<Self, Code> {
        Ok(match data.u8()? {
            1 => Self::Id(data.u16()?),
            2 => Self::Kind(data.u8()?),
            3 => Self::Domains(Domains(data.u16()?)),
            4 => Self::Capabilities(Capabilities(data.u64()?)),
            5 => Self::Algorithm(data.u8()?),
            6 => Self::Label(data.array()?),
            _ => return Err(Code::InvalidData),
        })
    }

    fn takes(&self, object: &Object) -> bool {
        match self {
            Self::Id(id) => object.id == *id,
            Self::Kind(kind) => u8::from(object.kind) == *kind,
            Self::Domains(domains) => object.domains.shares(*domains),
            Self::Capabilities(capabilities) => object.capabilities.contains(*capabilities),
            Self::Algorithm(algorithm) => Algorithm::byte(object.algorithm) == *algorithm,
            Self::Label(label) => object.label.0 == *label,
        }
    }
}

/// Filters, all of which must fit. For each object its id (2), kind (1) and sequence (1).
pub(super) fn list(context: &mut Context<'_>, mut data: Reader<'_>) -> Result<Vec<u8>, Code> {
    let mut filters = Vec::new();
    while !data.is_empty() {
        filters.push(Filter::read(&mut data)?);
    }
    let seen = |object: &&Object| object.domains.shares(context.grant.domains);
    let objects = context.memory.now().store.iter().filter(seen);
    let objects = objects.filter(|object| filters.iter().all(|filter| filter.takes(object)));
    Ok(objects.flat_map(entry).collect())
}

fn entry(object: &Object) -> [u8; 4] {
    let [high, low] = object.id.to_be_bytes();
    [high, low, Kind::into(object.kind), object.sequence]
}
