use super::Site;
use crate::{
    ChainId, Extra, Family, Flow, Kind, Name, Order, Payer, Result, Seller, Settler, Terms, Version,
};
use std::fmt;
use std::sync::Arc;

/// Names a plugin: a scheme, on a chain family, by some transfer methods. Two that overlap are a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellId {
    /// `exact`, `upto`, …
    pub scheme: &'static str,
    /// `eip155`, `solana`, …
    pub namespace: &'static str,
    /// Values of `assetTransferMethod` it answers to; `""` stands for an absent one.
    pub methods: &'static [&'static str],
}

impl CellId {
    /// True when some requirement would fit both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.namespace == other.namespace
            && self.methods.iter().any(|m| other.methods.contains(m))
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scheme, self.namespace)?;
        for method in self.methods.iter().filter(|m| !m.is_empty()) {
            write!(f, "/{method}")?;
        }
        Ok(())
    }
}

/// What keeps a payment from being used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replay {
    /// The chain refuses the second use.
    OnChain,
    /// Only the ledger does.
    Ledger,
}

/// What a scheme can do, as data, checked before any call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// The payment flows it knows.
    pub flows: &'static [Flow],
    /// True when the charge may be less than the ceiling.
    pub metered: bool,
    /// True when money is collected later.
    pub deferred: bool,
    /// True when payments build on each other (channels).
    pub stateful: bool,
    /// True when it cannot work without a node.
    pub needs_network: bool,
    /// What prevents replays.
    pub replay: Replay,
    /// Protocol extensions it understands.
    pub extensions: &'static [&'static str],
}

impl Capability {
    /// A plain scheme: fixed price, settled at once, on chain.
    pub const fn fixed(flows: &'static [Flow]) -> Self {
        Self {
            flows,
            metered: false,
            deferred: false,
            stateful: false,
            needs_network: true,
            replay: Replay::OnChain,
            extensions: &[],
        }
    }
}

/// Parses a payload and says what it binds: pure, static, no I/O.
pub type Read = fn(&Order) -> Result<Terms>;

/// Builds one role for one chain; `None`: the plugin does not have that role.
pub type Build<R> = Option<fn(&Site) -> Result<Arc<R>>>;

/// A scheme plugin: const, plain, public. What is `None` is unsupported, and seen before the call.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SchemeEntry {
    /// Its name.
    pub id: CellId,
    /// What it can do.
    pub capability: Capability,
    /// The section of the configuration that is its own; the scheme's name unless it says otherwise
    /// ([`SchemeEntry::section`]).
    pub section: &'static str,
    /// Reads a payload.
    pub read: Read,
    /// Reads a payload, and takes only what proves itself; see [`SchemeEntry::alone`].
    pub alone: Option<Read>,
    /// Builds the side that signs.
    pub payer: Build<dyn Payer>,
    /// Builds the side that sells.
    pub seller: Build<dyn Seller>,
    /// Builds the side that settles.
    pub settler: Build<dyn Settler>,
}

impl SchemeEntry {
    /// An entry without roles; they are added one by one, so a new field never breaks a plugin.
    pub const fn new(id: CellId, capability: Capability, read: Read) -> Self {
        Self {
            id,
            capability,
            section: id.scheme,
            read,
            alone: None,
            payer: None,
            seller: None,
            settler: None,
        }
    }
    /// `Settler::kinds` of a scheme whose offers need carry nothing: it settles on both wires.
    ///
    /// # Errors
    /// [`crate::Code::UnsupportedScheme`] when the scheme's name is none.
    pub fn kinds(&self, chain: ChainId) -> Result<Vec<Kind>> {
        let scheme = Name::new(self.id.scheme)?;
        let kind = |version| Kind { version, scheme, chain, extra: Extra::default(), extensions: Vec::new() };
        Ok([Version::V1, Version::V2].map(kind).into())
    }
    /// Names the plugin's section of the configuration, for a scheme that several plugins share.
    #[must_use]
    pub const fn section(mut self, name: &'static str) -> Self {
        self.section = name;
        self
    }
    /// For a scheme some of whose payments only a chain can prove: the stricter reading that takes the others alone. It is
    /// asked where nobody of our own looks at the chain, and another's word would have to do.
    #[must_use]
    pub const fn alone(mut self, read: Read) -> Self {
        self.alone = Some(read);
        self
    }
    /// Adds the side that signs.
    #[must_use]
    pub const fn payer(mut self, build: fn(&Site) -> Result<Arc<dyn Payer>>) -> Self {
        self.payer = Some(build);
        self
    }
    /// Adds the side that sells.
    #[must_use]
    pub const fn seller(mut self, build: fn(&Site) -> Result<Arc<dyn Seller>>) -> Self {
        self.seller = Some(build);
        self
    }
    /// Adds the side that settles.
    #[must_use]
    pub const fn settler(mut self, build: fn(&Site) -> Result<Arc<dyn Settler>>) -> Self {
        self.settler = Some(build);
        self
    }
}

impl fmt::Debug for SchemeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemeEntry({})", self.id)
    }
}

/// What can be submitted to `inventory`.
///
/// ```text
/// tollway_core::inventory::submit! { tollway_core::Plugin::Scheme(ENTRY) }
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Plugin {
    /// A scheme.
    Scheme(SchemeEntry),
    /// A chain family's static facts.
    Family(Family),
}

inventory::collect!(Plugin);
