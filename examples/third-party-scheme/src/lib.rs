//! Prepaid credit. A customer pays with vouchers, a clearing house moves the credit, once for each voucher; the two share
//! a key. The credit is an asset of its own on a chain, and a [`Credit`] program keeps its book.

mod credit;
mod payer;
mod settler;
mod voucher;
pub use credit::Credit;
pub use voucher::{Key, Promise, Voucher, read};

use std::{collections::BTreeMap, sync::Arc};
use tollway_core::*;
use tollway_testkit::sim::{FAMILY, Sim};

/// The plugin.
pub const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "voucher", namespace: "sim", methods: &[""] },
    Capability::fixed(&[Flow::Authorization, Flow::Upfront]),
    read,
)
.payer(|site| Ok(desk(site)?))
.seller(|_| Ok(Arc::new(Shop)))
.settler(|site| Ok(desk(site)?));

inventory::submit! { Plugin::Scheme(ENTRY) }

/// The plugin's section of the configuration.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    customer: Option<Account>,
    keys: BTreeMap<Account, Key>, // each customer's: a payer has one, a clearing house many
}

/// What a customer and a clearing house work with.
struct Desk {
    settings: Settings,
    sim: Arc<dyn Sim>,
    dice: Arc<dyn Dice>,
}

fn desk(site: &Site) -> Result<Arc<Desk>> {
    Ok(Arc::new(Desk { settings: site.settings()?, sim: site.chain()?, dice: Arc::clone(&site.dice) }))
}

/// The side that sells. It needs neither a node nor a key.
struct Shop;

#[async_trait]
impl Seller for Shop {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        flow::offer(&ENTRY, &FAMILY, price, kind)
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        flow::simple(visit, &event)
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}
