//! EVM logs as events of the simulated chain, and back.

use crate::{Landing, LogQuery, address};
use alloy::hex;
use alloy::primitives::B256;
use tollway_core::Result;
use tollway_testkit::sim::SimEvent;

/// All topics of a log in one text, so that the chain finds a log whose topics are all asked for by one comparison.
pub(super) fn topic(topics: &[B256]) -> String {
    topics.iter().map(hex::encode).collect::<Vec<_>>().join(".")
}

/// The log that an event stands for.
///
/// # Errors
/// [`tollway_core::Code::InvalidAddress`] for an event that no contract of this crate said.
pub(super) fn landing(event: SimEvent) -> Result<Landing> {
    let topics = event.topic.split('.').filter_map(|topic| topic.parse().ok()).collect();
    Ok(Landing {
        address: address::of_account(&event.program)?,
        topics,
        data: event.data.into(),
        tx: event.tx,
        block: event.block,
    })
}

/// The whole topic text, where a query names every topic of the log up to the last.
pub(super) fn exact(query: &LogQuery) -> Option<String> {
    let named: Vec<B256> = query.topics.iter().map_while(|topic| *topic).collect();
    let rest_open = query.topics.iter().skip(named.len()).all(Option::is_none);
    (rest_open && named.len() > 1).then(|| topic(&named))
}

/// True when a log answers a query.
pub(super) fn fits(log: &Landing, query: &LogQuery) -> bool {
    let mut at = log.topics.iter();
    query.topics.iter().all(|wanted| {
        let topic = at.next();
        wanted.is_none_or(|wanted| topic == Some(&wanted))
    })
}
