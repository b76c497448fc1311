//! Every property that a scheme must have: on the simulated chain, and on a real local one.

use serde_json::json;
use tollway_cells::{Cell, compacted, permit2_nonce};
use tollway_upto_permit2::ENTRY;

const CELL: Cell = Cell {
    bound_extra: &[("facilitatorAddress", "0x00000000000000000000000000000000000000f1")],
    same_payment: compacted,
    ..Cell::new(ENTRY, |tokens| json!({ "tokens": tokens }), permit2_nonce)
};

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
