//! Who may settle an offer, by what it carries.
//!
//! What a facilitator wants to see in offers of a kind stands in the kind's `extra`: an address that the payment is bound
//! to, an account that pays the fee. A scheme's name says nothing of that, so the data does: the part of an offer's `extra`
//! that stems from facilitators, because one of them asks for such a key, is compared with what each of them says.

use super::kinds::Said;
use serde_json::{Map, Value};
use std::sync::Arc;
use tollway_core::{Kind, Requirement};

/// The places of those who may settle what is asked for in `r`. An offer that carries what one of them asks for, and the
/// others do not or not so, is bound to that one; one that is bound to nobody here may be settled by nobody here.
pub(super) fn allowed(r: &Requirement, said: &[Option<Arc<Said>>]) -> Vec<usize> {
    let fits = |kind: &&Kind| (kind.version, kind.scheme, kind.chain) == (r.version, r.scheme, r.chain);
    let of = |said: &Said| -> Vec<Map<String, Value>> {
        said.now.iter().chain(&said.before).filter(fits).map(|kind| kind.extra.map()).collect()
    };
    let asks: Vec<_> = said.iter().map(|said| said.as_deref().map(of).unwrap_or_default()).collect();
    let offer = r.extra.map();
    let theirs: Map<String, Value> = offer
        .iter()
        .filter(|(key, _)| asks.iter().flatten().any(|asked| asked.contains_key(*key)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    // What a scheme does not put into its offers binds nobody.
    let in_offers =
        |asked: &Map<String, Value>| asked.iter().filter(|(key, _)| offer.contains_key(*key)).count();
    let bound = |asked: &Map<String, Value>| {
        in_offers(asked) == theirs.len() && theirs.iter().all(|(key, value)| asked.get(key) == Some(value))
    };
    asks.iter().enumerate().filter(|(_, asked)| asked.iter().any(bound)).map(|(at, _)| at).collect()
}
