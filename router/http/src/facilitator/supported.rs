use super::Facilitator;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;
use tollway_core::wire::{SupportedKind, SupportedResponse};

/// A settler that does not say what it can do within this time is left out of the answer.
const KINDS_MS: u64 = 3_000;

impl Facilitator {
    /// What can be settled here, v1 kinds under their v1 names. A settler that cannot say is left out.
    pub async fn supported(&self) -> SupportedResponse {
        let mut asked = JoinSet::new();
        for (at, cell) in self.0.registry.cells().enumerate() {
            let Some(settler) = cell.settler.clone() else { continue };
            let id = cell.id;
            asked.spawn(async move {
                match tokio::time::timeout(Duration::from_millis(KINDS_MS), settler.kinds()).await {
                    Ok(Ok(kinds)) => (at, kinds),
                    Ok(Err(e)) => {
                        tracing::warn!(cell = %id, error = %e, "a settler cannot say what it can do");
                        (at, Vec::new())
                    }
                    Err(_) => {
                        tracing::warn!(cell = %id, "a settler does not say what it can do");
                        (at, Vec::new())
                    }
                }
            });
        }
        let mut found = Vec::new();
        while let Some(answer) = asked.join_next().await {
            found.extend(answer.ok());
        }
        found.sort_by_key(|(at, _)| *at);
        let families = self.0.registry.families();
        let mut kinds = Vec::new();
        for kind in found.iter().flat_map(|(_, kinds)| kinds).filter_map(|k| SupportedKind::of(k, families)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        SupportedResponse { kinds, extensions: self.extensions(), signers: self.0.settings.signers.clone() }
    }

    fn extensions(&self) -> Vec<String> {
        let settling = self.0.registry.cells().filter(|c| c.settler.is_some());
        let known = settling.flat_map(|c| c.capability.extensions).map(|e| (*e).to_owned());
        let all: BTreeSet<_> = known.chain(self.0.settings.extensions.iter().cloned()).collect();
        all.into_iter().collect()
    }
}
