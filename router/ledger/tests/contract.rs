//! The ledger contract, as the testkit proves it of any ledger: sentence by sentence, against a plain model, in races.

tollway_testkit::ledger_suite!(|| std::sync::Arc::new(tollway_ledger::SqliteLedger::in_memory().unwrap()));
