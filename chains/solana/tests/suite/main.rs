//! Every property that a network must have, on real surfpool: plain, and behind a node that has each honest fault.

mod surfpool;

use std::time::Duration;
use surfpool::OnSurfpool;
use tollway_devnet::FaultKind;

macro_rules! suites {
    ($($name:ident: $stand:expr;)*) => {
        $(mod $name {
            use super::*;
            tollway_testkit::network_suite!($stand);
        })*
    };
}

suites! {
    calm: OnSurfpool(None);
    slow: OnSurfpool(Some((FaultKind::Delay(Duration::from_millis(20)), 300)));
    flaky: OnSurfpool(Some((FaultKind::HangUp, 150)));
    stale: OnSurfpool(Some((FaultKind::Stale, 300)));
    twice: OnSurfpool(Some((FaultKind::Duplicate, 300)));
}
