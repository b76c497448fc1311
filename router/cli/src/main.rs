//! The `tollway` command: the demo, quotes, payments, a facilitator and local chains.

mod args;
mod commands;
mod config;
mod exit;
mod keys;
mod metrics;
mod out;
mod prices;
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
    init_tracing(args.verbose);
    match commands::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Logs go to stderr, so that `--json` on stdout stays one object.
fn init_tracing(verbose: u8) {
    let default = match verbose {
        0 => "error",
        1 => "tollway=info,tollway_http=info,tollway_route=info,tollway_evm=info",
        _ => "tollway=debug,tollway_http=debug,tollway_route=debug,tollway_evm=debug,tollway_devnet=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOLLWAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
