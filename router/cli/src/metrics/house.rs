//! What a facilitator, its books and its signers stand at.

use crate::words::decimal;
use metrics::{counter, gauge};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tollway::House;
use tollway::core::flow::BookRecord;
use tollway::core::{AssetId, ChainId, Ledger, Purpose, RecordKey};
use tollway::http::Facilitator;

/// Balances are looked at so often, however often somebody reads the page.
const EVERY: Duration = Duration::from_secs(15);
/// Lines of the books that are read at a time.
const PAGE: usize = 256;
/// Fraction digits in which gas is counted: a counter has 64 bits, and an account may have 10¹⁸ in one coin.
const NANO: u8 = 9;

/// The facilitator's books since the start, added up as far as they have been read.
pub(super) struct Books {
    ledger: Arc<dyn Ledger>,
    read: Mutex<Read>,
}

struct Read {
    after: RecordKey,
    sums: BTreeMap<ChainId, (u64, u128)>,
}

impl Books {
    pub(super) fn new(house: &House) -> Self {
        let after = BookRecord::since("facilitator", house.clock().now());
        Self { ledger: house.ledger().clone(), read: Mutex::new(Read { after, sums: BTreeMap::new() }) }
    }

    async fn add_up(&self, house: &House) {
        let mut read = self.read.lock().await;
        while let Ok(page) = self.ledger.scan(&BookRecord::room("facilitator"), Some(&read.after), PAGE).await
        {
            for line in page.iter().filter_map(|record| BookRecord::read(&record.value).ok()) {
                let (count, gas) = read.sums.entry(line.receipt.chain).or_default();
                *count = count.saturating_add(1);
                let cost = line.receipt.spent.map_or(0, |spent| spent.cost.atomic);
                *gas = gas.saturating_add(cost);
            }
            match page.last() {
                Some(last) => read.after = last.key.clone(),
                None => break,
            }
        }
        for (chain, (count, gas)) in &read.sums {
            let network = chain.to_string();
            let down = coin(house, chain).1.saturating_sub(NANO);
            let nano = gas.checked_div(10u128.saturating_pow(down.into())).unwrap_or(0);
            counter!("tollway_settlements_total", "network" => network.clone()).absolute(*count);
            counter!("tollway_gas_spent_nano_total", "network" => network)
                .absolute(u64::try_from(nano).unwrap_or(u64::MAX));
        }
    }
}

/// What is known without asking anybody.
pub(super) async fn look(facilitator: &Facilitator, house: &House, books: &Books) {
    let health = facilitator.health().await;
    gauge!("tollway_settlements_in_flight").set(many(health.settling));
    gauge!("tollway_settlements_unknown").set(many(health.recovering));
    books.add_up(house).await;
    let now = house.clock().now();
    for network in house.registry().networks() {
        // Fees that nobody has asked for lately are of no age.
        let tariff = house.quotes().tariff(network.id(), Purpose::Interactive);
        let age =
            tariff.map_or(f64::NAN, |t| Duration::from_millis(now.ms_since(t.taken_at())).as_secs_f64());
        gauge!("tollway_quote_age_seconds", "network" => network.id().to_string()).set(age);
    }
}

/// Looks after the signers' gas from time to time.
pub(super) async fn watch(house: Arc<House>, senders: Vec<(&'static str, String)>) {
    loop {
        for network in house.registry().networks() {
            let chain = network.id();
            let (symbol, decimals) = coin(&house, &chain);
            let mine = senders.iter().filter(|(family, _)| *family == chain.namespace());
            for (_, address) in mine {
                let Some(family) = house.registry().family(&chain) else { continue };
                let Ok(owner) = family.account(chain, address) else { continue };
                let Ok(held) = network.balances(&owner, &[AssetId::native(chain)]).await else { continue };
                let have = held.first().map_or(0, |amount| amount.atomic);
                let labels = [
                    ("network", chain.to_string()),
                    ("signer", address.clone()),
                    ("coin", symbol.to_owned()),
                ];
                gauge!("tollway_signer_balance", &labels)
                    .set(decimal(have, decimals).parse().unwrap_or(f64::NAN));
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn coin(house: &House, chain: &ChainId) -> (&'static str, u8) {
    let known = house.registry().family(chain).and_then(|family| family.network(chain));
    known.map_or(("", 18), |network| (network.coin, network.coin_decimals))
}

fn many(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
