//! Where schemes and networks meet. Two doors, one room: [`Registry::builder`] names plugins one by one,
//! [`Builder::discover`] takes in everything that was linked and submitted to `inventory`.
//!
//! Discovery is a convenience: a dependency that no code names registers nothing (`use plugin as _;` mends it), and
//! a C-linked static library may register nothing at all.

mod builder;
mod by_chain;
mod entry;
mod site;

pub use builder::Builder;
pub use entry::{Build, Capability, CellId, Plugin, Read, Replay, SchemeEntry};
pub use site::{Handle, Site};

use by_chain::ByChain;

use crate::ids::same;
use crate::{
    AssetId, ChainId, Code, Error, Family, KnownAsset, Network, NetworkTraits, Payer, Requirement, Result,
    Seller, Settler,
};
use std::fmt;
use std::sync::Arc;

/// A part that a scheme can play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Signs.
    Payer,
    /// Sells.
    Seller,
    /// Puts on chain.
    Settler,
}

/// A scheme on one chain, with the roles that were asked for and that it has.
#[derive(Clone)]
pub struct Cell {
    /// Scheme × namespace × methods.
    pub id: CellId,
    /// What it can do.
    pub capability: Capability,
    /// Reads a payload into terms.
    pub read: Read,
    /// Reads a payload, and takes only what proves itself, where that differs.
    pub alone: Option<Read>,
    /// Where.
    pub chain: ChainId,
    /// What is known of it: by the live chain, else by its family. One that nobody has facts about counts as a mainnet.
    pub traits: NetworkTraits,
    /// The live chain, where there is one.
    pub network: Option<Arc<dyn Network>>,
    /// The side that signs.
    pub payer: Option<Arc<dyn Payer>>,
    /// The side that sells.
    pub seller: Option<Arc<dyn Seller>>,
    /// The side that settles.
    pub settler: Option<Arc<dyn Settler>>,
}

impl Cell {
    /// True when this cell answers for `method` (`None`: the field was absent).
    pub fn answers(&self, scheme: &str, method: Option<&str>) -> bool {
        let answers = |known: &&str| method.map_or(known.is_empty(), |method| same(known, method));
        same(self.id.scheme, scheme) && self.id.methods.iter().any(answers)
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cell({} on {})", self.id, self.chain)
    }
}

/// A plugin that was found and is not used, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dormant {
    /// Which.
    pub id: CellId,
    /// Why.
    pub reason: &'static str,
}

/// All schemes on all chains that this process knows.
#[derive(Debug)]
pub struct Registry {
    cells: ByChain<Vec<Cell>>,
    families: Vec<Family>,
    networks: ByChain<Handle>,
    dormant: Vec<Dormant>,
}

impl Registry {
    /// Starts an explicit registry.
    pub fn builder() -> Builder {
        Builder::default()
    }
    /// The cell for an `accepts` entry.
    ///
    /// # Errors
    /// [`Code::UnsupportedScheme`], [`Code::InvalidNetwork`] or [`Code::UnsupportedFlow`], listing what is there.
    pub fn cell(&self, r: &Requirement) -> Result<&Cell> {
        let method = r.method.as_ref().map(crate::Name::as_str);
        let Some(cells) = self.cells.get(&r.chain) else {
            let known: Vec<_> = self.cells.keys().map(ChainId::as_str).collect();
            return Err(Error::caller(Code::InvalidNetwork).next(crate::Next::OtherRoute).detail(format!(
                "no network {}; known: {}",
                r.chain,
                known.join(", ")
            )));
        };
        let Some(cell) = cells.iter().find(|c| c.answers(r.scheme.as_str(), method)) else {
            let known: Vec<_> = cells.iter().map(|c| c.id.to_string()).collect();
            return Err(Error::caller(Code::UnsupportedScheme).next(crate::Next::OtherRoute).detail(
                format!(
                    "no scheme {}{} on {}; known: {}",
                    r.scheme,
                    method.map(|m| format!(" by {m}")).unwrap_or_default(),
                    r.chain,
                    known.join(", ")
                ),
            ));
        };
        if !cell.capability.flows.contains(&r.flow) {
            return Err(Error::payee(Code::UnsupportedFlow)
                .detail(format!("{} does not know paymentFlow {}", cell.id, r.flow)));
        }
        Ok(cell)
    }
    /// All cells, by chain.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.values().flatten()
    }
    /// The chain families, for the wire.
    pub fn families(&self) -> &[Family] {
        &self.families
    }
    /// The family of a chain.
    pub fn family(&self, chain: &ChainId) -> Option<&Family> {
        self.families.iter().find(|f| f.namespace == chain.namespace())
    }
    /// The known facts of a token.
    pub fn known_asset(&self, asset: &AssetId) -> Option<&'static KnownAsset> {
        self.family(&asset.chain)?.known(asset)
    }
    /// A live chain.
    pub fn network(&self, chain: &ChainId) -> Option<&Arc<dyn Network>> {
        self.networks.get(chain).map(|h| &h.network)
    }
    /// A live chain with its typed face.
    pub fn handle(&self, chain: &ChainId) -> Option<&Handle> {
        self.networks.get(chain)
    }
    /// All live chains.
    pub fn networks(&self) -> impl Iterator<Item = &Arc<dyn Network>> {
        self.networks.values().map(|h| &h.network)
    }
    /// Plugins that were found and are not used.
    pub fn dormant(&self) -> &[Dormant] {
        &self.dormant
    }
}
