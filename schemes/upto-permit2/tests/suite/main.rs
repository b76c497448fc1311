//! Every property that a scheme must have: on the simulated chain, and on a real local one.

mod anvil;
mod key;
mod sim;

mod simulated {
    tollway_testkit::scheme_suite!(crate::sim::OnSim::calm());
}

mod real {
    tollway_testkit::scheme_suite!(crate::anvil::OnAnvil(tollway_testkit::fault::FaultPlan::NONE));
}
