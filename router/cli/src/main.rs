//! The `tollway` command: the demo, quotes, payments, a facilitator and local chains.

mod args;
mod commands;
mod config;
mod custody;
mod exit;
mod keys;
mod logs;
mod metrics;
#[cfg(feature = "otel")]
mod otel;
mod out;
mod prices;
mod remotes;
mod safety;
mod serving;
mod setup;
mod table;
mod words;

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let args = args::Args::parse();
    // Dropped at the end, when what is left goes out.
    let _told = logs::init(args.verbose);
    match commands::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
