use crate::{ChainId, Clock, Code, Dice, Error, Ledger, Network, Result};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A live chain with its typed face: the router sees [`Network`], a scheme asks for the chain crate's own trait.
#[derive(Clone)]
pub struct Handle {
    /// What the router sees.
    pub network: Arc<dyn Network>,
    typed: Arc<dyn Any + Send + Sync>,
}

impl Handle {
    /// `typed` is the chain crate's own trait object (`Arc<dyn Evm>`), so fakes and fault wrappers fit too.
    pub fn new<N: ?Sized + Send + Sync + 'static>(network: Arc<dyn Network>, typed: Arc<N>) -> Self {
        Self { network, typed: Arc::new(typed) }
    }

    /// The chain crate's own trait, where it is the one that this chain has: `handle.typed::<dyn Evm>()`.
    pub fn typed<N: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<N>> {
        self.typed.downcast_ref::<Arc<N>>().cloned()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.network.id())
    }
}

/// Where a cell is built: its chain, its settings, and the house's services.
pub struct Site {
    /// The chain the cell is for.
    pub chain: ChainId,
    /// Durable memory.
    pub ledger: Arc<dyn Ledger>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub dice: Arc<dyn Dice>,
    pub(crate) handle: Option<Handle>,
    pub(crate) settings: serde_json::Value,
    pub(crate) scheme: &'static str,
    pub(crate) section: &'static str,
}

impl Site {
    /// The chain crate's own trait: `site.chain::<dyn Evm>()`.
    ///
    /// # Errors
    /// [`Code::NetworkMissing`] when there is no node for this chain, or one of another kind.
    pub fn chain<N: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<N>> {
        self.handle.as_ref().and_then(Handle::typed).ok_or_else(|| {
            Error::caller(Code::NetworkMissing).detail(format!(
                "{} on {} needs a {}",
                self.scheme,
                self.chain,
                std::any::type_name::<N>()
            ))
        })
    }
    /// True when there is a node for this chain.
    pub fn has_network(&self) -> bool {
        self.handle.is_some()
    }
    /// The plugin's own section of the configuration.
    ///
    /// # Errors
    /// [`Code::BadSettings`] with serde's words.
    pub fn settings<T: serde::de::DeserializeOwned + Default>(&self) -> Result<T> {
        if self.settings.is_null() {
            return Ok(T::default());
        }
        T::deserialize(&self.settings).map_err(|e| {
            Error::caller(Code::BadSettings).detail(format!("settings of {}: {e}", self.section))
        })
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({} on {})", self.scheme, self.chain)
    }
}
