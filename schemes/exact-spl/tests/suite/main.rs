//! Every property that a scheme must have, on real surfpool.

mod key;
mod surfpool;
mod trouble;

tollway_testkit::scheme_suite!(surfpool::OnSurfpool);
