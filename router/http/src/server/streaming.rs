//! An answer that goes out while it is being counted, seen from the visit that settles it.

use super::charge::Till;
use super::settings::Settings;
use super::stream::Ended;
use super::visits::Visits;
use crate::meter::Meter;
use futures::channel::oneshot;
use futures::future::{Either, select};
use http::HeaderValue;
use std::pin::pin;
use std::time::Duration;
use tollway_core::flow::Tab;
use tollway_core::{Ceiling, Charge, Result, Time};

/// The longest that is kept for settling what a stream has delivered, before its payment is no good any more.
const SPARE_MS: u64 = 10_000;

/// A stream under way.
pub(super) struct Watched<'a> {
    pub(super) meter: &'a Meter,
    pub(super) ceiling: &'a Ceiling,
    pub(super) till: Till,
    pub(super) settings: &'a Settings,
    pub(super) visits: &'a Visits,
    /// What the handler said in the head of its answer.
    pub(super) overrides: Option<HeaderValue>,
}

impl Watched<'_> {
    /// The most that may go out beyond what the journal knows.
    pub(super) fn risk(&self) -> u128 {
        let parts = u128::from(self.settings.stream_notes.max(1));
        self.ceiling.atomic().checked_div(parts).unwrap_or(0).max(1)
    }

    /// Notes what goes out until the stream ends, by itself or because it has to; then its charge.
    pub(super) async fn follow(
        self,
        mut ended: oneshot::Receiver<Ended>,
        tab: &mut dyn Tab,
        limit: Duration,
    ) -> Option<Charge> {
        let tally = self.meter.tally();
        let (told, late) = (pin!(self.visits.stopped()), pin!(self.settings.tasks.sleep(limit)));
        let mut must_end = select(told, late);
        let end = loop {
            match select(select(&mut ended, &mut must_end), pin!(tally.note_due())).await {
                Either::Left((Either::Left((end, _)), _)) => break end.ok(),
                Either::Left((Either::Right(_), _)) => {
                    tracing::info!("a stream is ended for the sake of its payment");
                    break Some(Ended::default());
                }
                Either::Right(_) => {
                    if let Err(e) = self.note(tab).await {
                        tracing::warn!(error = %e, "a stream ends: what it delivers cannot be written down");
                        break Some(Ended::default());
                    }
                }
            }
        };
        let counted = self.meter.close();
        let counted =
            counted.inspect_err(|e| tracing::error!(error = %e, "a meter over its ceiling")).ok()?;
        let (left, end) = (end.is_none(), end.unwrap_or_default());
        tracing::debug!(charge = %counted.amount(), broken = end.broken, left, "a stream has ended");
        // The trailers are the later word.
        let overrides = end.overrides.or(self.overrides);
        let charge = self.till.delivered(counted, self.ceiling, overrides.as_ref());
        // Noted to the last, it is owed, and not let go where settling fails at first.
        if charge == counted
            && charge.atomic() > 0
            && let Err(e) = tab.note(&charge).await
        {
            tracing::warn!(error = %e, "the end of a stream cannot be written down");
        }
        Some(charge)
    }

    async fn note(&self, tab: &mut dyn Tab) -> Result<()> {
        let owed = self.ceiling.charge(self.meter.counted().atomic)?;
        tab.note(&owed).await?;
        self.meter.tally().noted(owed.atomic());
        Ok(())
    }
}

/// How long a stream may take whose payment is good until `window`.
pub(super) fn limit(settings: &Settings, window: Time, now: Time) -> Duration {
    let left_ms = window.ms_since(now);
    let spare_ms = (left_ms / 4).min(SPARE_MS);
    settings.stream_timeout.min(Duration::from_millis(left_ms.saturating_sub(spare_ms)))
}
