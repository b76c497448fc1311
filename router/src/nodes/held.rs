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
        let same = |known: &Option<String>| match (known, address) {
            (Some(known), Some(address)) => known.eq_ignore_ascii_case(address),
            (None, None) => true,
            _ => false,
        };
        if self.0.iter().any(|(known, _)| same(known)) {
            let whose = address.map_or_else(|| "all other keys".to_owned(), str::to_owned);
            let words = format!("two key policies hold {whose}: one key has one policy");
            return Err(Error::caller(Code::BadSettings).detail(words));
        }
        self.0.push((address.map(str::to_owned), Arc::new(policy)));
        Ok(())
    }

    pub(super) fn join(&mut self, more: Self) {
        for (address, policy) in more.0 {
            // The same policies come with each part of a configuration's keys.
            if !self.0.iter().any(|(known, _)| *known == address) {
                self.0.push((address, policy));
            }
        }
    }

    /// The policy of the key at this address, as its family shows it.
    pub(super) fn of(&self, address: &str) -> Option<&KeyPolicy> {
        // Hex digits may be written in either case. Base58 may not, and an address that differs in case alone is nobody's.
        let own =
            self.0.iter().find(|(known, _)| known.as_ref().is_some_and(|k| k.eq_ignore_ascii_case(address)));
        let own = own.or_else(|| self.0.iter().find(|(known, _)| known.is_none()));
        own.map(|(_, policy)| &**policy)
    }
}
