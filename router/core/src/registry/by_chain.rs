use crate::ChainId;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, HashMap};

/// Something for each chain: gone through in the chains' order, and found without comparing its way there.
#[derive(Debug)]
pub(super) struct ByChain<T> {
    all: Vec<(ChainId, T)>,
    places: HashMap<ChainId, usize, RandomState>,
}

impl<T> ByChain<T> {
    pub(super) fn get(&self, chain: &ChainId) -> Option<&T> {
        self.all.get(*self.places.get(chain)?).map(|(_, one)| one)
    }
    pub(super) fn keys(&self) -> impl Iterator<Item = &ChainId> {
        self.all.iter().map(|(chain, _)| chain)
    }
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.all.iter().map(|(_, one)| one)
    }
}

impl<T> From<BTreeMap<ChainId, T>> for ByChain<T> {
    fn from(sorted: BTreeMap<ChainId, T>) -> Self {
        let all: Vec<_> = sorted.into_iter().collect();
        let places = all.iter().enumerate().map(|(place, (chain, _))| (*chain, place)).collect();
        Self { all, places }
    }
}
