//! Our facilitator, with a ledger on disk that goes when it does.

use tempfile::TempDir;
use tollway_devnet::Devnet;
use tollway_e2e::Outcome;
use tollway_e2e::process::{FacilitatorProcess, Settings, free_port};

#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) process: FacilitatorProcess,
    _files: TempDir,
}

impl Ours {
    /// Starts it with so many keys.
    pub(crate) async fn start(devnet: &Devnet, rpc: &str, keys: usize) -> Outcome<Self> {
        let files = tempfile::tempdir()?;
        let keys = (0..keys).map(|i| devnet.accounts().settler(i).private_key().to_owned());
        let settings = Settings {
            name: "facilitator".to_owned(),
            port: free_port()?,
            database: None,
            lease_ms: 0,
            ledger: files.path().join("facilitator.sqlite"),
            chains: vec![(devnet.chains()[0].spec().caip2(), rpc.to_owned())],
            senders: keys.collect(),
            patience_ms: 20_000,
        };
        let process = FacilitatorProcess::start(env!("CARGO_BIN_EXE_e2e-facilitator"), settings)?;
        process.health().await?;
        Ok(Self { process, _files: files })
    }
}
