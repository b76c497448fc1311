use super::{Build, Cell, Dormant, Handle, Plugin, Registry, Role, SchemeEntry, Site};
use crate::{ChainId, Clock, Code, Dice, Error, Family, Ledger, NetworkTraits, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Gathers plugins, chains and settings into a [`Registry`].
#[derive(Default)]
pub struct Builder {
    asked: Vec<SchemeEntry>,
    found: Vec<SchemeEntry>,
    families: Vec<Family>,
    networks: Vec<Handle>,
    bare: Vec<ChainId>,
    settings: BTreeMap<String, serde_json::Value>,
    roles: Vec<Role>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builder({} schemes)", self.asked.len().saturating_add(self.found.len()))
    }
}

impl Builder {
    /// Adds a scheme; one that then finds no chain of its family is an error.
    #[must_use]
    pub fn with(mut self, entry: SchemeEntry) -> Self {
        self.asked.push(entry);
        self
    }
    /// Adds every linked plugin that was not named; one that finds no chain is listed as dormant.
    #[must_use]
    pub fn discover(self) -> Self {
        self.plugins(inventory::iter::<Plugin>.into_iter().copied())
    }
    /// Adds plugins that are at hand but not insisted on: one that finds no chain is listed as dormant, and one that
    /// is there already is not added again.
    #[must_use]
    pub fn plugins(mut self, plugins: impl IntoIterator<Item = Plugin>) -> Self {
        for plugin in plugins {
            match plugin {
                Plugin::Scheme(entry) => {
                    if self.asked.iter().chain(&self.found).all(|known| known.id != entry.id) {
                        self.found.push(entry);
                    }
                }
                Plugin::Family(family) => self.add_family(family),
            }
        }
        self
    }
    /// Adds a chain family's static facts.
    #[must_use]
    pub fn family(mut self, family: Family) -> Self {
        self.add_family(family);
        self
    }
    /// Adds a live chain.
    #[must_use]
    pub fn network(mut self, handle: Handle) -> Self {
        self.networks.push(handle);
        self
    }
    /// Adds a chain that this process has no node for, because a remote facilitator has.
    #[must_use]
    pub fn bare(mut self, chain: ChainId) -> Self {
        if !self.bare.contains(&chain) {
            self.bare.push(chain);
        }
        self
    }
    /// Settings for the plugins whose section has that name ([`SchemeEntry::section`]).
    #[must_use]
    pub fn settings(mut self, section: &str, value: serde_json::Value) -> Self {
        self.settings.insert(section.to_owned(), value);
        self
    }
    /// Asks for a role; a role that nobody asks for is not built.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Builds every cell.
    ///
    /// # Errors
    /// [`Code::DuplicatePlugin`], also for a second network of one chain; [`Code::NetworkMissing`] for an asked-for scheme without a chain; whatever a
    /// plugin says when it fails to build.
    pub fn build(
        mut self,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
    ) -> Result<Registry> {
        // Whichever door came first, a plugin that was asked for by name is that plugin.
        self.found.retain(|found| self.asked.iter().all(|asked| asked.id != found.id));
        self.refuse_duplicates()?;
        let mut cells: BTreeMap<ChainId, Vec<Cell>> = BTreeMap::new();
        let mut dormant = Vec::new();
        let all = self.asked.iter().map(|e| (e, true)).chain(self.found.iter().map(|e| (e, false)));
        for (entry, asked) in all {
            let mut built = false;
            for (chain, handle) in self.chains() {
                let fits = chain.namespace() == entry.id.namespace;
                if !fits || (handle.is_none() && entry.capability.needs_network && self.only_settles()) {
                    continue;
                }
                let site = Site {
                    chain,
                    ledger: ledger.clone(),
                    clock: clock.clone(),
                    dice: dice.clone(),
                    handle,
                    settings: self.settings.get(entry.section).cloned().unwrap_or_default(),
                    scheme: entry.id.scheme,
                    section: entry.section,
                };
                cells.entry(chain).or_default().push(self.cell(entry, &site)?);
                built = true;
            }
            if !built && asked {
                return Err(Error::caller(Code::NetworkMissing).detail(format!(
                    "{} was asked for, and no network of {} is there",
                    entry.id, entry.id.namespace
                )));
            }
            if !built {
                dormant.push(Dormant { id: entry.id, reason: "no network of its family" });
            }
        }
        let networks: BTreeMap<_, _> = self.networks.into_iter().map(|h| (h.network.id(), h)).collect();
        Ok(Registry { cells: cells.into(), families: self.families, networks: networks.into(), dormant })
    }

    fn add_family(&mut self, family: Family) {
        if self.families.iter().all(|f| f.namespace != family.namespace) {
            self.families.push(family);
        }
    }

    fn refuse_duplicates(&self) -> Result<()> {
        let all: Vec<_> = self.asked.iter().chain(&self.found).collect();
        for (i, one) in all.iter().enumerate() {
            if let Some(other) = all.iter().skip(i.saturating_add(1)).find(|o| o.id.overlaps(&one.id)) {
                return Err(
                    Error::caller(Code::DuplicatePlugin).detail(format!("{} and {}", one.id, other.id))
                );
            }
        }
        for (i, one) in self.networks.iter().enumerate() {
            let id = one.network.id();
            if self.networks.iter().skip(i.saturating_add(1)).any(|other| other.network.id() == id) {
                return Err(Error::caller(Code::DuplicatePlugin).detail(format!("two networks for {id}")));
            }
        }
        Ok(())
    }

    fn chains(&self) -> impl Iterator<Item = (ChainId, Option<Handle>)> {
        let live = self.networks.iter().map(|h| (h.network.id(), Some(h.clone())));
        let known: Vec<_> = self.networks.iter().map(|h| h.network.id()).collect();
        live.chain(self.bare.iter().filter(move |c| !known.contains(c)).map(|c| (*c, None)))
    }

    fn only_settles(&self) -> bool {
        self.roles == [Role::Settler]
    }

    /// A role that needs a node is left out on a bare chain: the seller's side works without one.
    fn cell(&self, entry: &SchemeEntry, site: &Site) -> Result<Cell> {
        let node = site.has_network() || !entry.capability.needs_network;
        Ok(Cell {
            id: entry.id,
            capability: entry.capability,
            read: entry.read,
            alone: entry.alone,
            chain: site.chain,
            traits: self.traits(site),
            network: site.handle.as_ref().map(|handle| handle.network.clone()),
            payer: self.build_role(Role::Payer, node, entry.payer, site)?,
            seller: self.build_role(Role::Seller, true, entry.seller, site)?,
            settler: self.build_role(Role::Settler, node, entry.settler, site)?,
        })
    }

    fn traits(&self, site: &Site) -> NetworkTraits {
        if let Some(handle) = &site.handle {
            return handle.network.traits();
        }
        let family = self.families.iter().find(|f| f.namespace == site.chain.namespace());
        let known = family.and_then(|f| f.network(&site.chain));
        NetworkTraits { block_ms: 0, testnet: known.is_some_and(|n| n.testnet) }
    }

    fn build_role<R: ?Sized>(
        &self,
        role: Role,
        possible: bool,
        build: Build<R>,
        site: &Site,
    ) -> Result<Option<Arc<R>>> {
        match build {
            Some(build) if possible && self.roles.contains(&role) => build(site).map(Some),
            _ => Ok(None),
        }
    }
}
