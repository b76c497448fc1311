//! Which key is held to which policy.

use std::sync::Arc;
use tollway_core::custody::KeyPolicy;
use tollway_core::{Code, Error, Result};

/// Policies by the address of the key that they hold; one without an address holds every key that no other does.
#[derive(Clone, Default)]
pub(super) struct Policies(Vec<(Option<String>, Arc<KeyPolicy>)>);

impl Policies {
    /// # Errors
    /// [`Code::BadSettings`] when that key is held already: which of two limits holds must not depend on their order.
    pub(super) fn add(&mut self, address: Option<&str>, policy: KeyPolicy) -> Result<()> {
        if self.named(address).is_some() {
            return Err(twice(address));
        }
        self.0.push((address.map(str::to_owned), Arc::new(policy)));
        Ok(())
    }

    /// # Errors
    /// As [`Self::add`], unless both policies are the same: they come with each part of a configuration's keys.
    pub(super) fn join(&mut self, more: Self) -> Result<()> {
        for (address, policy) in more.0 {
            match self.named(address.as_deref()) {
                None => self.0.push((address, policy)),
                Some(known) if *known == *policy => {}
                Some(_) => return Err(twice(address.as_deref())),
            }
        }
        Ok(())
    }

    /// The policy with exactly this address, or the one without.
    fn named(&self, address: Option<&str>) -> Option<&KeyPolicy> {
        // Hex digits may be written in either case. Base58 may not, and an address that differs in case alone is nobody's.
        let same = |known: &Option<String>| match (known, address) {
            (Some(known), Some(address)) => known.eq_ignore_ascii_case(address),
            (None, None) => true,
            _ => false,
        };
        self.0.iter().find(|(known, _)| same(known)).map(|(_, policy)| &**policy)
    }

    /// The policy of the key at this address, as its family shows it.
    pub(super) fn of(&self, address: &str) -> Option<&KeyPolicy> {
        self.named(Some(address)).or_else(|| self.named(None))
    }
}

fn twice(address: Option<&str>) -> Error {
    let whose = address.unwrap_or("all other keys");
    let words = format!("two key policies hold {whose}: one key has one policy");
    Error::caller(Code::BadSettings).detail(words)
}
