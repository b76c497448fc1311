//! A payment whose receipt comes after the answer: as a trailer, as a last event, or for the asking.

use super::classify;
use super::outcome::PayError;
use super::settings::ClientSettings;
use super::wire::Again;
use crate::codec;
use crate::tasks::Tasks;
use futures::lock;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollway_core::wire::SettleResponse;
use tollway_core::{Code, Error, Receipt, Requirement, Result};
use tollway_route::{Later, Paid, Router};

/// A payment that is still being counted while its answer streams. Cheap to clone; clones are one.
///
/// The answer's body closes the payment when it is read to its end and the receipt is there: what was not charged is free
/// for the next payment. Where the receipt did not come along, or the body is dropped before, [`Self::paid`] fetches it.
/// A payment that is never closed keeps its whole amount reserved until [`Router::settle_up`] finds it on chain.
#[derive(Clone)]
pub struct StreamedPayment {
    shared: Arc<Shared>,
}

struct Shared {
    router: Arc<Router>,
    tasks: Tasks,
    settings: ClientSettings,
    later: Later,
    accepted: Requirement,
    /// Sends the very same payment again; `None` where the request cannot be sent again.
    again: Option<Again>,
    seen: Mutex<Option<SettleResponse>>,
    /// One at a time closes.
    closing: lock::Mutex<()>,
}

impl StreamedPayment {
    pub(super) fn new(
        router: &Arc<Router>,
        tasks: &Tasks,
        settings: &ClientSettings,
        later: Later,
        accepted: Requirement,
        again: Option<Again>,
    ) -> Self {
        let (router, tasks, settings) = (Arc::clone(router), tasks.clone(), settings.clone());
        let (seen, closing) = (Mutex::default(), lock::Mutex::new(()));
        let shared = Shared { router, tasks, settings, later, accepted, again, seen, closing };
        Self { shared: Arc::new(shared) }
    }

    /// What was charged in the end. Call it when the answer has been read, or is not wanted any more: a server that still
    /// streams is waited for only briefly. Signs nothing; may be called again, and dropped.
    ///
    /// # Errors
    /// [`PayError::Failed`]; an unknown outcome where neither the server nor the chain could say yet.
    pub async fn paid(&self) -> Result<Paid, PayError> {
        if self.seen().is_none()
            && let Some(found) = self.fetch().await
        {
            self.saw(found);
        }
        Ok(self.close().await?)
    }

    /// Closes the payment with the receipt that was seen, or asks the chain.
    pub(super) async fn close(&self) -> Result<Paid> {
        let _alone = self.shared.closing.lock().await;
        let receipt = self.seen().map(|told| self.read(&told));
        let router = &self.shared.router;
        match receipt {
            Some(Ok(receipt)) => router.finish(&self.shared.later, Some(&receipt)).await,
            // The server says that it could not settle: the chain knows whether that will last.
            Some(Err(why)) => {
                let found = router.finish(&self.shared.later, None).await;
                found.map_err(|e| if e.is_unknown_outcome() { classify::unknown(why) } else { e })
            }
            None => router.finish(&self.shared.later, None).await,
        }
    }

    fn read(&self, told: &SettleResponse) -> Result<Receipt> {
        told.receipt(&self.shared.accepted, self.shared.router.registry().families())
    }

    pub(super) fn saw(&self, told: SettleResponse) {
        *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }

    pub(super) fn seen(&self) -> Option<SettleResponse> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn limits(&self) -> &codec::Limits {
        &self.shared.settings.limits
    }

    /// The same payment again, which the server answers with its receipt, as often as it says that it is not done.
    async fn fetch(&self) -> Option<SettleResponse> {
        let Shared { tasks, settings, again, .. } = &*self.shared;
        let again = again.as_ref()?;
        let mut wait_ms = settings.backoff_ms;
        for _ in 0..=settings.in_flight_waits {
            let limit = Duration::from_millis(settings.paid_timeout_ms);
            if let Some(Some(headers)) = tasks.timeout(limit, again()).await {
                match codec::read_receipt(&headers, &settings.limits) {
                    Ok(Some((_, told))) if told.error_reason != Some(Code::InFlight) => return Some(told),
                    _ => wait_ms = classify::retry_after(&headers).unwrap_or(wait_ms),
                }
            }
            tasks.sleep(Duration::from_millis(wait_ms.clamp(1, settings.retry_after_max_ms))).await;
            wait_ms = wait_ms.saturating_mul(2);
        }
        None
    }
}

/// Clones are equal, and nothing else is.
impl PartialEq for StreamedPayment {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}
impl Eq for StreamedPayment {}

impl fmt::Debug for StreamedPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamedPayment({})", self.shared.later.attempt().0)
    }
}

/// An answer for which nobody can say how it was paid.
pub(super) fn lost() -> Error {
    Error::unknown(Code::SettlementPending, None).detail("the answer that streams was lost on the way")
}
