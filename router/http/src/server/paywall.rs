use super::answers::Answers;
use super::builder::PaywallBuilder;
use super::doubts::Doubts;
use super::service::PaywallService;
use super::settings::Settings;
use super::table::Table;
use super::visits::Visits;
use crate::tasks::Running;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::RecordKey;
use tollway_route::Gate;
use tower_layer::Layer;

/// How long to wait before recovering again, at first and at most.
const RECOVER_S: (u64, u64) = (1, 60);

/// A paywall: a tower layer over a service, an axum router or a single route. Cheap to clone; clones are one.
///
/// Must run inside a tokio runtime, unless it was built with [`PaywallBuilder::tasks`].
#[derive(Clone)]
pub struct Paywall {
    shared: Arc<Shared>,
}

/// What all clones and all requests share.
pub(super) struct Shared {
    pub(super) gate: Arc<Gate>,
    pub(super) table: Table,
    pub(super) settings: Settings,
    pub(super) answers: Option<Arc<Answers>>,
    pub(super) visits: Visits,
    pub(super) doubts: Doubts,
}

impl Shared {
    /// Recovers again and again until nothing is open of what was open when it began, as under traffic there is always
    /// something.
    async fn recovered(&self) {
        let (mut pause_s, most_s) = RECOVER_S;
        let mut begun: Option<Vec<RecordKey>> = None;
        loop {
            let left = match begun.take() {
                Some(visits) => Ok(self.gate.recover_these(visits).await),
                None => self.gate.recover_all().await,
            };
            match left {
                Ok(open) if open.is_empty() => return,
                Ok(open) => {
                    tracing::info!(open = open.len(), "visits are still open");
                    begun = Some(open);
                }
                Err(e) => tracing::warn!(error = %e, "recovery failed; it will be tried again"),
            }
            self.settings.tasks.sleep(Duration::from_secs(pause_s)).await;
            pause_s = pause_s.saturating_mul(2).min(most_s);
        }
    }

    /// Forgets expired answers now and then, in a task of its own.
    pub(super) fn sweep_answers(&self) {
        if let Some(answers) = self.answers.clone().filter(|a| a.sweep_due()) {
            drop(self.settings.tasks.spawn(async move {
                if let Err(e) = answers.sweep().await {
                    tracing::warn!(code = %e.code, "expired answers could not be swept");
                }
            }));
        }
    }
}

impl std::fmt::Debug for Paywall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paywall").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl Paywall {
    /// Starts a paywall in front of a gate.
    pub fn builder(gate: Arc<Gate>) -> PaywallBuilder {
        PaywallBuilder::new(gate)
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// After a restart: releases in the background what was never sent, settles what streams had delivered and resumes what
    /// was sent, again and again until
    /// nothing is open any more of what was open when it began. Visits that begin meanwhile are left alone, and keep it
    /// from no end.
    pub fn recover(&self) -> Running<()> {
        let shared = Arc::clone(&self.shared);
        self.shared.settings.tasks.spawn(async move { shared.recovered().await })
    }

    /// Ends the answers that a meter charges for, also those that begin from now on: what they have delivered is settled,
    /// and their receipts are sent. Call it when the process is told to stop, so that the server need not wait for streams.
    pub fn end_streams(&self) {
        self.shared.visits.stop();
    }

    /// Waits for the visits under way, also those whose clients have gone, and ends the streams among them. Call it after
    /// the server has stopped accepting. Returns how many are left when time is up: they are in the journal, for [`Self::recover`].
    pub async fn drain(&self, within: Duration) -> usize {
        self.end_streams();
        self.shared.visits.drained(&self.shared.settings.tasks, within).await
    }
}

impl<S> Layer<S> for Paywall {
    type Service = PaywallService<S>;
    fn layer(&self, inner: S) -> PaywallService<S> {
        PaywallService { shared: Arc::clone(&self.shared), inner }
    }
}
