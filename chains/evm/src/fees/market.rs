use super::{EvmTariff, FeeView, SizeBook};
use crate::profiles::Profile;
use crate::rpc::Rpc;
use crate::single::Single;
use crate::tasks::Tasks;
use std::sync::{Arc, PoisonError, RwLock};
use tollway_core::{ChainId, Clock, Purpose, Result};

/// The fee market of one chain, remembered for as long as it is true.
pub(crate) struct Market {
    rpc: Rpc,
    profile: Profile,
    chain: ChainId,
    clock: Arc<dyn Clock>,
    sizes: Arc<SizeBook>,
    newest: RwLock<Option<Arc<FeeView>>>,
    fetch: Single<Result<Arc<FeeView>>>,
}

impl Market {
    pub(crate) fn new(rpc: Rpc, profile: Profile, chain: ChainId, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (newest, fetch) = (RwLock::default(), Single::default());
        Arc::new(Self { rpc, profile, chain, clock, sizes: Arc::default(), newest, fetch })
    }

    /// The sizes of samples seen so far.
    pub(crate) fn sizes(&self) -> &SizeBook {
        &self.sizes
    }

    /// The newest look, however old.
    pub(crate) fn newest(&self) -> Option<Arc<FeeView>> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A tariff for quotes. Looks that are asked for at nearly the same time share one.
    pub(crate) async fn tariff(&self, purpose: Purpose) -> Result<EvmTariff> {
        let shared_ms = u64::from(self.profile.block_ms / 8).min(100);
        let now = self.clock.now();
        let view = match self.newest().filter(|v| now.ms_since(v.taken_at) < shared_ms) {
            Some(view) => view,
            None => self.look().await?,
        };
        Ok(EvmTariff::new(view, purpose, self.chain, self.sizes.clone()))
    }

    /// For sending: no I/O while a look of the last blocks is there; a stale one is renewed in the background. A look
    /// that is too old to offer a fee by (the base fee might have more than doubled) is waited for.
    pub(crate) async fn warm(self: &Arc<Self>, tasks: &Tasks) -> Result<Arc<FeeView>> {
        let now = self.clock.now();
        let usable_ms = u64::from(self.profile.block_ms).saturating_mul(5).max(20_000);
        match self.newest() {
            Some(view) if now < view.valid_until => Ok(view),
            Some(view) if now.ms_since(view.taken_at) < usable_ms => {
                self.renew(tasks);
                Ok(view)
            }
            _ => self.look().await,
        }
    }

    /// For offering more: a look of this block.
    pub(crate) async fn now(&self) -> Result<Arc<FeeView>> {
        let recent_ms = u64::from(self.profile.block_ms / 2).clamp(100, 2_000);
        let now = self.clock.now();
        match self.newest().filter(|view| now.ms_since(view.taken_at) < recent_ms) {
            Some(view) => Ok(view),
            None => self.look().await,
        }
    }

    /// Looks again in the background, unless somebody is looking already.
    fn renew(self: &Arc<Self>, tasks: &Tasks) {
        if self.fetch.busy() {
            return;
        }
        let market = self.clone();
        tasks.spawn(async move {
            // A look that fails is no harm: the old one is still usable, and the next send tries again.
            let _ = market.look().await;
        });
    }

    /// Lets go of the newest look: it turned out to be wrong.
    pub(crate) fn forget(&self) {
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Looks now.
    pub(crate) async fn look(&self) -> Result<Arc<FeeView>> {
        let (rpc, profile) = (self.rpc.clone(), self.profile);
        let (clock, sizes) = (self.clock.clone(), self.sizes.clone());
        // The fetch holds none of `self`: a shared future that nobody drives any more keeps nothing alive.
        let view = self
            .fetch
            .join(|| async move { FeeView::take(rpc, profile, clock, sizes).await.map(Arc::new) })
            .await?;
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some(view.clone());
        Ok(view)
    }
}
