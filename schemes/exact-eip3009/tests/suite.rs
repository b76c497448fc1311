//! Every property that a scheme must have: on the simulated chain, and on a real local one.

use alloy::primitives::B256;
use serde_json::json;
use tollway_cells::{Cell, compacted};
use tollway_core::Json;
use tollway_exact_eip3009::ENTRY;

const CELL: Cell = Cell {
    bound_extra: &[("name", "Other Dollar"), ("version", "9")],
    same_payment: compacted,
    ..Cell::new(ENTRY, |tokens| json!({ "tokens": tokens }), nonce)
};

/// The nonce of an authorization; zero where a broken payload has none.
fn nonce(payload: &Json) -> [u8; 32] {
    let said = payload.value();
    let text = said["authorization"]["nonce"].as_str().unwrap_or_default();
    text.parse::<B256>().unwrap_or_default().0
}

mod simulated {
    tollway_testkit::scheme_suite!(tollway_cells::OnSim(
        crate::CELL,
        tollway_testkit::fault::FaultPlan::NONE
    ));
}

mod real {
    tollway_testkit::scheme_suite!(tollway_cells::OnAnvil(
        crate::CELL,
        tollway_testkit::fault::FaultPlan::NONE
    ));
}
