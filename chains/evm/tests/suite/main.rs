//! Every property that a network must have: the simulated chain and a real node, plain and behind faults.

mod anvil;
mod sim;

use anvil::OnAnvil;
use sim::OnSim;
use std::sync::Arc;
use tollway_devnet::ChainSpec;
use tollway_testkit::fault::FaultPlan;
use tollway_testkit::suite::Checked;
use tollway_testkit::suite::network::{self, Stand};

/// Each fault that an honest node can have, alone and often, and then all of them at once.
const SLOW: FaultPlan = FaultPlan { slow_per_mille: 300, slow_ms: 20, ..FaultPlan::NONE };
const FLAKY: FaultPlan = FaultPlan { before_per_mille: 150, after_per_mille: 150, ..FaultPlan::NONE };
const STALE: FaultPlan = FaultPlan { stale_per_mille: 300, ..FaultPlan::NONE };
const TWICE: FaultPlan = FaultPlan { duplicate_per_mille: 300, ..FaultPlan::NONE };
const LYING: FaultPlan = FaultPlan { lying_per_mille: 500, ..FaultPlan::NONE };

macro_rules! suites {
    ($($name:ident: $stand:expr;)*) => {
        $(mod $name {
            use super::*;
            tollway_testkit::network_suite!($stand);
        })*
    };
}

suites! {
    sim_calm: OnSim(FaultPlan::NONE);
    sim_rough: OnSim(FaultPlan { slow_ms: 20, ..FaultPlan::ROUGH });
    ethereum: OnAnvil(ChainSpec::ETHEREUM, FaultPlan::NONE);
    base: OnAnvil(ChainSpec::BASE, FaultPlan::NONE);
    arbitrum: OnAnvil(ChainSpec::ARBITRUM, FaultPlan::NONE);
    base_slow: OnAnvil(ChainSpec::BASE, SLOW);
    base_flaky: OnAnvil(ChainSpec::BASE, FLAKY);
    base_stale: OnAnvil(ChainSpec::BASE, STALE);
    base_twice: OnAnvil(ChainSpec::BASE, TWICE);
}

/// A node that lies is found out, at the property that names what it lied about.
#[test]
fn a_lying_node_fails_the_suite() {
    let stands: [(&str, Box<dyn Stand>); 2] =
        [("sim", Box::new(OnSim(LYING))), ("anvil", Box::new(OnAnvil(ChainSpec::BASE, LYING)))];
    for (name, stand) in stands {
        let stand: Arc<dyn Stand> = Arc::from(stand);
        let caught = network::check_all(&*stand, |property| property == "haste_is_never_cheaper");
        assert!(matches!(caught.as_slice(), [(_, Checked::Broken(_))]), "{name}: {caught:?}");
    }
}
