//! What a program sees that links the crate and names nothing in it.

use std::sync::Arc;
use third_party_scheme as _;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Registry, Role};
use tollway_testkit::sim::{FAMILY, SimChain, SimSettings};
use tollway_testkit::weave::Weave;

#[test]
fn the_registry_discovers_it() {
    let weave = Weave::new(1);
    let chain = SimChain::new(SimSettings::calm("sim:1").unwrap(), weave.clock(), &weave.dice()).unwrap();
    let ledger = Arc::new(MemoryLedger::new());
    let node = chain.node(ledger.clone()).build().handle();
    let builder = Registry::builder().discover().family(FAMILY).network(node);
    let builder = builder.role(Role::Payer).role(Role::Seller).role(Role::Settler);
    let registry = builder.build(ledger, weave.clock(), weave.dice()).unwrap();
    let cell = registry.cells().find(|cell| cell.id.scheme == "voucher").expect("the scheme is not discovered");
    assert!(cell.payer.is_some() && cell.seller.is_some() && cell.settler.is_some());
}
