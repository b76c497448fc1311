//! Keys that pay fees, in turn.

use crate::address::tx_id;
use crate::custody;
use crate::read::Looker;
use crate::rpc::Level;
use crate::tasks::Tasks;
use crate::wire::Wire;
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use solana_signer::Signer;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{Blame, Clock, Code, Error, Next, Result, Time, TxId};

/// A signer that may be used from anywhere.
pub(crate) type SharedSigner = Arc<dyn Signer + Send + Sync>;

/// Balances older than this are read again when somebody's turn comes.
const FRESH_MS: u64 = 30_000;

struct FeePayer {
    key: Pubkey,
    signer: SharedSigner,
    /// As seen last; `u64::MAX` while nothing was seen.
    lamports: AtomicU64,
}

/// The fee payers of one network.
pub(crate) struct FeePayers {
    all: Vec<FeePayer>,
    least_lamports: u64,
    turn: AtomicUsize,
    looker: Arc<Looker>,
    clock: Arc<dyn Clock>,
    looked_at: Mutex<Time>,
    looking: AtomicBool,
}

impl FeePayers {
    /// # Errors
    /// [`Code::BadKey`] for a signer that has no public key, [`Code::BadSettings`] for one that is there twice.
    pub(crate) fn new(
        signers: Vec<SharedSigner>,
        least_lamports: u64,
        looker: Arc<Looker>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>> {
        let mut all: Vec<FeePayer> = Vec::with_capacity(signers.len());
        for signer in signers {
            let key = signer.try_pubkey().map_err(|_| {
                Error::caller(Code::BadKey).detail("a fee payer's key does not tell who it is")
            })?;
            if all.iter().any(|known| known.key == key) {
                return Err(
                    Error::caller(Code::BadSettings).detail(format!("{key} is there twice as a fee payer"))
                );
            }
            all.push(FeePayer { key, signer, lamports: AtomicU64::new(u64::MAX) });
        }
        let (turn, looked_at, looking) =
            (AtomicUsize::new(0), Mutex::new(Time::ZERO), AtomicBool::new(false));
        Ok(Arc::new(Self { all, least_lamports, turn, looker, clock, looked_at, looking }))
    }

    /// All of them.
    pub(crate) fn keys(&self) -> Vec<Pubkey> {
        self.all.iter().map(|payer| payer.key).collect()
    }

    /// True when there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The next one that can pay. Looks at the balances in the background when they are old.
    pub(crate) fn next(self: &Arc<Self>, tasks: &Tasks) -> Result<Pubkey> {
        self.renew(tasks);
        let count = self.all.len();
        if count == 0 {
            return Err(Error::caller(Code::NoSigner).detail("no fee payer's key was given"));
        }
        let start = self.turn.fetch_add(1, Ordering::Relaxed);
        let able = (0..count).filter_map(|n| self.all.get(start.wrapping_add(n) % count));
        let mut able = able.filter(|payer| payer.lamports.load(Ordering::Relaxed) >= self.least_lamports);
        able.next().map(|payer| payer.key).ok_or_else(|| {
            Error::new(Code::UnexpectedSettleError, Blame::Settler, Next::Later)
                .detail(format!("every fee payer has fewer than {} lamports", self.least_lamports))
        })
    }

    fn renew(self: &Arc<Self>, tasks: &Tasks) {
        let looked_at = *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        if self.clock.now().ms_since(looked_at) < FRESH_MS || self.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let payers = self.clone();
        tasks.spawn(async move {
            // A look that fails is no harm: the next turn tries again.
            let _ = payers.look().await;
            payers.looking.store(false, Ordering::Release);
        });
    }

    /// Reads the balances.
    pub(crate) async fn look(&self) -> Result<()> {
        if self.all.is_empty() {
            return Ok(());
        }
        for some in self.all.chunks(99) {
            let keys: Vec<Pubkey> = some.iter().map(|payer| payer.key).collect();
            let looked = self.looker.look(&keys, Level::Confirmed).await?;
            for (payer, state) in some.iter().zip(looked.accounts) {
                let lamports = state.map_or(0, |state| state.lamports);
                if lamports < self.least_lamports {
                    tracing::warn!(target: "tollway_solana", fee_payer = %payer.key, lamports, "takes no turn until it has more");
                }
                payer.lamports.store(lamports, Ordering::Relaxed);
            }
        }
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.now();
        Ok(())
    }

    /// Signs a transaction in its first place, or finds it signed there already. Gives back its id.
    ///
    /// # Errors
    /// [`Code::NoSigner`] when this network does not have the key, [`Code::InvalidPayload`] when the bytes are no
    /// transaction, it is not the first account, or another signature is missing.
    pub(super) async fn co_sign(&self, wire: &mut [u8], with: Option<Pubkey>) -> Result<TxId> {
        let bad = |why: &str| Error::caller(Code::InvalidPayload).detail(why);
        let read = Wire::read(wire).ok_or_else(|| bad("the bytes are no transaction"))?;
        if read.is_durable() {
            // Nobody could ever say of such a one that it will not land any more.
            return Err(bad("a durable nonce: the transaction would live for ever"));
        }
        if !read.others_signed() {
            return Err(bad("a signature is missing"));
        }
        let Some(key) = with else {
            let first = read.signature(0).filter(|signature| *signature != Signature::default());
            return first
                .map(|signature| tx_id(&signature))
                .ok_or_else(|| bad("the first signature is missing"));
        };
        let payer = self.all.iter().find(|payer| payer.key == key).ok_or_else(|| {
            Error::caller(Code::NoSigner).detail(format!("this process has no key to pay fees from {key}"))
        })?;
        if read.fee_payer() != Some(key) {
            return Err(bad("the fee payer is not the first account"));
        }
        let signature = custody::sign(&payer.signer, read.message(), Blame::Settler).await?;
        let place = wire.get_mut(1..65).ok_or_else(|| bad("the bytes are no transaction"))?;
        place.copy_from_slice(signature.as_ref());
        Ok(tx_id(&signature))
    }
}
