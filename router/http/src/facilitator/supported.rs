use super::Facilitator;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::wire::{SupportedKind, SupportedResponse};
use tollway_core::{Kind, Settler};

/// A settler that does not say what it can do within this time is left out of the answer.
const KINDS_MS: u64 = 3_000;

impl Facilitator {
    /// What can be settled here, v1 kinds under their v1 names. A settler that cannot say is left out.
    pub async fn supported(&self) -> SupportedResponse {
        let mut asked = Vec::new();
        for (id, settler) in self.settlers() {
            asked.push((id, self.0.tasks.spawn(async move { settler.kinds().await })));
        }
        let mut found = Vec::new();
        for (id, mut kinds) in asked {
            // All of them have begun, so the time of one counts for those behind it too.
            match self.0.tasks.timeout(Duration::from_millis(KINDS_MS), &mut kinds).await {
                Some(Some(Ok(kinds))) => found.extend(kinds),
                Some(Some(Err(e))) => {
                    tracing::warn!(cell = %id, error = %e, "a settler cannot say what it can do")
                }
                Some(None) => tracing::warn!(cell = %id, "a settler broke off when asked what it can do"),
                None => {
                    kinds.abort();
                    tracing::warn!(cell = %id, "a settler does not say what it can do");
                }
            }
        }
        let extensions = self.extensions(&found);
        let families = self.0.registry.families();
        let mut kinds = Vec::new();
        for kind in found.iter().filter_map(|k| SupportedKind::of(k, families)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        SupportedResponse { kinds, extensions, signers: self.0.settings.signers.clone() }
    }

    /// Whoever settles here, with a name for the log.
    fn settlers(&self) -> Vec<(String, Arc<dyn Settler>)> {
        if let Some(one) = &self.0.settled_by {
            return vec![("pool".to_owned(), Arc::clone(one))];
        }
        let settling = self.0.registry.cells().filter_map(|cell| Some((cell.id, cell.settler.clone()?)));
        settling.map(|(id, settler)| (id.to_string(), settler)).collect()
    }

    /// What the settlers say they act on as they are set up here, which may be less than what their schemes understand.
    fn extensions(&self, found: &[Kind]) -> Vec<String> {
        let offered = found.iter().flat_map(|kind| &kind.extensions).cloned();
        let all: BTreeSet<_> = offered.chain(self.0.settings.extensions.iter().cloned()).collect();
        all.into_iter().collect()
    }
}
