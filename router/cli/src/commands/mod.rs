//! One file per command.

mod books;
mod demo;
mod devnet;
mod doctor;
mod facilitator;
mod keys;
mod pay;
mod plugins;
mod quote;
mod request;

use crate::args::{Args, Command};
use crate::exit::Outcome;

/// Runs what was asked for.
pub(crate) async fn run(args: Args) -> Outcome {
    match args.command {
        Command::Demo(demo) => demo::run(&demo).await,
        Command::Quote(quote) => quote::run(&quote).await,
        Command::Pay(pay) => pay::run(&pay).await,
        Command::Facilitator(facilitator) => facilitator::run(&facilitator).await,
        Command::Devnet(devnet) => devnet::run(&devnet).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Books(books) => books::run(&books).await,
        Command::Doctor(doctor) => doctor::run(&doctor).await,
        Command::Plugins(plugins) => plugins::run(&plugins),
    }
}

/// Resolves at Ctrl-C or, where there is one, at SIGTERM.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = term.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
