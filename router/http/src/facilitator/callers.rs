use std::collections::HashMap;
use tollway_route::Caller;

/// How many of something each caller has under way.
#[derive(Default)]
pub(super) struct Callers(HashMap<Caller, usize>);

impl Callers {
    /// One more of this caller's; false, and none more, when it has `most`.
    pub(super) fn enter(&mut self, caller: &Caller, most: usize) -> bool {
        let its_own = self.0.get(caller).copied().unwrap_or(0);
        let fits = its_own < most;
        if fits {
            self.0.insert(caller.clone(), its_own.saturating_add(1));
        }
        fits
    }

    /// One less.
    pub(super) fn leave(&mut self, caller: &Caller) {
        let Some(its_own) = self.0.get_mut(caller) else { return };
        *its_own = its_own.saturating_sub(1);
        if *its_own == 0 {
            self.0.remove(caller);
        }
    }
}
