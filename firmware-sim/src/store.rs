//! The objects, and how many there is room for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::object::{Kind, Object};

/// Objects at most.
pub const RECORDS: u16 = 256;
/// Pages in all.
pub const PAGES: u16 = 1024;
/// Bytes of a page, of which an object has whole ones.
pub const PAGE: u16 = 126;

/// Every object. Kept as lists in the state file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Lists", try_from = "Lists")]
pub struct Store {
    /// Shared with what they were before a command, and with the command that uses one.
    objects: BTreeMap<(Kind, u16), Arc<Object>>,
    /// The sequence number that the next object of this kind and id gets.
    sequences: BTreeMap<(Kind, u16), u8>,
}

impl Store {
    /// The object of this kind and id.
    pub fn get(&self, kind: Kind, id: u16) -> Option<&Arc<Object>> {
        self.objects.get(&(kind, id))
    }

    /// Every object, by kind and id.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().map(Arc::as_ref)
    }

    /// Puts a new object in and gives it its sequence number.
    pub fn put(&mut self, mut object: Object) -> Result<(), Code> {
        let key = (object.kind, object.id);
        if self.objects.contains_key(&key) {
            return Err(Code::ObjectExists);
        }
        if self.objects.len() >= usize::from(RECORDS) || pages(&object) > self.free_pages() {
            return Err(Code::StorageFailed);
        }
        let next = self.sequences.entry(key).or_default();
        object.sequence = *next;
        *next = next.wrapping_add(1);
        self.objects.insert(key, Arc::new(object));
        Ok(())
    }

    /// Takes an object out.
    pub fn remove(&mut self, kind: Kind, id: u16) -> Result<(), Code> {
        self.objects.remove(&(kind, id)).map(drop).ok_or(Code::ObjectNotFound)
    }

    /// Puts another one in the place of an object that has its length.
    pub fn replace(&mut self, object: Object) -> Result<(), Code> {
        let old = self.objects.get_mut(&(object.kind, object.id)).ok_or(Code::ObjectNotFound)?;
        *old = Arc::new(object);
        Ok(())
    }

    /// An id that no object of this kind has, counted on from `start`.
    pub fn free_id(&self, kind: Kind, start: u16) -> Result<u16, Code> {
        let ids = (1..=0xfffe_u16).cycle().skip(usize::from(start)).take(0xfffe);
        let mut free = ids.filter(|id| self.get(kind, *id).is_none());
        free.next().ok_or(Code::StorageFailed)
    }

    /// Objects that there still is room for.
    pub fn free_records(&self) -> u16 {
        u16::try_from(self.objects.len()).map_or(0, |used| RECORDS.saturating_sub(used))
    }

    /// Pages that are free.
    pub fn free_pages(&self) -> u16 {
        self.objects.values().fold(PAGES, |free, object| free.saturating_sub(pages(object)))
    }
}

fn pages(object: &Object) -> u16 {
    u16::try_from(object.length().div_ceil(usize::from(PAGE))).unwrap_or(u16::MAX)
}

/// The store as the state file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    objects: Vec<Object>,
    sequences: Vec<(Kind, u16, u8)>,
}

impl From<Store> for Lists {
    fn from(store: Store) -> Self {
        let sequences = store.sequences.into_iter().map(|((kind, id), next)| (kind, id, next));
        Self {
            objects: store.objects.into_values().map(Arc::unwrap_or_clone).collect(),
            sequences: sequences.collect(),
        }
    }
}

impl TryFrom<Lists> for Store {
    type Error = &'static str;

    fn try_from(lists: Lists) -> Result<Self, Self::Error> {
        let (objects, count) = (lists.objects, lists.sequences.len());
        let sequences: BTreeMap<_, _> =
            lists.sequences.into_iter().map(|(kind, id, next)| ((kind, id), next)).collect();
        if sequences.len() != count {
            return Err("two sequence numbers of one object");
        }
        let mut store = Self::default();
        for object in objects {
            let (key, sequence) = ((object.kind, object.id), object.sequence);
            store.put(object).map_err(|_| "two objects of one id, or more than there is room for")?;
            if let Some(object) = store.objects.get_mut(&key) {
                Arc::make_mut(object).sequence = sequence;
            }
        }
        store.sequences = sequences;
        Ok(store)
    }
}
