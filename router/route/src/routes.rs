use crate::router::Route;
use std::ops::Index;

/// The allowed routes of a 402, best first.
///
/// Routes are large, so they stay where they were planned, and only their order is kept beside them.
#[derive(Debug, Clone, Default)]
pub struct Routes<'c> {
    planned: Vec<Route<'c>>,
    /// Places in `planned`, best first; what is not named is not allowed.
    ranked: Vec<usize>,
}

impl<'c> Routes<'c> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ranked.len()
    }
    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.ranked.is_empty()
    }
    /// The best.
    pub fn first(&self) -> Option<&Route<'c>> {
        self.get(0)
    }
    /// The one at a rank; the best has rank 0.
    pub fn get(&self, rank: usize) -> Option<&Route<'c>> {
        self.planned.get(*self.ranked.get(rank)?)
    }
    /// All of them, best first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Route<'c>> {
        self.ranked.iter().filter_map(|at| self.planned.get(*at))
    }

    pub(crate) fn with_room(routes: usize) -> Self {
        Self { planned: Vec::with_capacity(routes), ranked: Vec::new() }
    }
    #[inline] // A route is large: it goes straight to its place.
    pub(crate) fn push(&mut self, route: Route<'c>) {
        self.planned.push(route);
    }
    /// Whatever was planned, in the server's order.
    pub(crate) fn planned(&self) -> &[Route<'c>] {
        &self.planned
    }
    pub(crate) fn planned_mut(&mut self) -> &mut [Route<'c>] {
        &mut self.planned
    }
    /// Says which places are allowed, best first.
    pub(crate) fn rank(&mut self, ranked: Vec<usize>) {
        self.ranked = ranked;
    }
}

/// The route at a rank, as an index into a slice would give it.
///
/// # Panics
/// When there are not so many; [`Routes::get`] does not.
impl<'c> Index<usize> for Routes<'c> {
    type Output = Route<'c>;
    #[allow(clippy::indexing_slicing, reason = "indexing is what this is, and says so")]
    fn index(&self, rank: usize) -> &Route<'c> {
        &self.planned[self.ranked[rank]]
    }
}

impl<'r, 'c> IntoIterator for &'r Routes<'c> {
    type Item = &'r Route<'c>;
    type IntoIter = Box<dyn Iterator<Item = &'r Route<'c>> + 'r>;
    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl<'c> IntoIterator for Routes<'c> {
    type Item = Route<'c>;
    type IntoIter = Box<dyn Iterator<Item = Route<'c>> + Send + 'c>;
    fn into_iter(self) -> Self::IntoIter {
        let mut planned: Vec<Option<Route<'c>>> = self.planned.into_iter().map(Some).collect();
        Box::new(self.ranked.into_iter().filter_map(move |at| planned.get_mut(at)?.take()))
    }
}
