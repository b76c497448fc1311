use super::stand::{Place, Stand};
use crate::sim::FAMILY;
use std::fmt;
use tollway_core::{Family, Result, SchemeEntry};

/// A [`Stand`] on simulated chains, for a scheme that needs to say no more than where it is tried and what nobody may print:
/// `scheme_suite!(SimStand::new(ENTRY, place).unprintable(&["/signature"]))`. Any other wish is a [`Stand`] of one's own.
#[derive(Clone, Copy)]
pub struct SimStand {
    entry: SchemeEntry,
    place: fn(u64) -> Result<Place>,
    unprintable: &'static [&'static str],
}

impl fmt::Debug for SimStand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimStand({})", self.entry.id)
    }
}

impl SimStand {
    /// Tries the plugin in places that `place` makes, the same one for the same seed; see [`super::SimPlace`].
    pub const fn new(entry: SchemeEntry, place: fn(u64) -> Result<Place>) -> Self {
        Self { entry, place, unprintable: &[] }
    }
    /// Parts of the payload that nobody may print, as JSON pointers.
    #[must_use]
    pub const fn unprintable(mut self, pointers: &'static [&'static str]) -> Self {
        self.unprintable = pointers;
        self
    }
}

impl Stand for SimStand {
    fn entry(&self) -> SchemeEntry {
        self.entry
    }
    fn family(&self) -> Family {
        FAMILY
    }
    /// # Panics
    /// When the place cannot be made: the property that asked for it is broken.
    fn place(&self, seed: u64) -> Place {
        (self.place)(seed).unwrap_or_else(|why| panic!("there is no place for seed {seed}: {why}"))
    }
    fn unprintable(&self) -> &'static [&'static str] {
        self.unprintable
    }
}
