//! `tollway demo`: the main job on real local chains.
//!
//! A facilitator, a paid API and a paying client talk HTTP over loopback, each with a ledger of its own, on five anvil
//! chains with different gas. One payment settles on the cheapest; then Base's gas is spiked, and the next payment
//! takes another network. Every number shown is read from the chains.

mod parties;
mod payment;
mod print;

use super::devnet::ALL;
use crate::args::Demo;
use crate::exit::{Failure, Outcome};
use crate::out;
use payment::PaymentReport;
use serde::Serialize;
use tollway_devnet::Devnet;

/// What Base's gas is spiked to: about what a crowded hour costs, a thousand times a quiet one.
const SPIKE_WEI: u64 = 20_000_000_000;

/// The whole demo, as `--json` prints it.
#[derive(Serialize)]
struct Report {
    price_usd: tollway::core::Usd,
    payments: Vec<PaymentReport>,
}

pub(crate) async fn run(args: &Demo) -> Outcome {
    let print = print::Printer { json: args.json };
    print.head("Starting Ethereum, Base, OP, Arbitrum and Base Sepolia on this machine");
    let devnet = Devnet::builder().chains(ALL).start().await.map_err(Failure::failed)?;
    let outcome = play(&devnet, &print).await;
    devnet.stop().await;
    let report = outcome?;
    if args.json {
        out::json(&report)?;
    }
    Ok(())
}

async fn play(devnet: &Devnet, print: &print::Printer) -> Outcome<Report> {
    let parties = parties::Parties::start(devnet).await?;
    print.head(&format!("A paid API asks {} in USDC, on any of five networks", parties.price));
    let first = payment::make(devnet, &parties, print).await?;
    let base = devnet.chain(8453).map_err(Failure::failed)?;
    print.head("Base gets crowded: its base fee goes to 20 gwei");
    base.set_base_fee_wei(SPIKE_WEI).await.map_err(Failure::failed)?;
    base.mine(1).await.map_err(Failure::failed)?;
    parties.see_spike(first.settlement_on("eip155:8453")).await?;
    let second = payment::make(devnet, &parties, print).await?;
    if first.network == second.network {
        return Err(Failure::failed("the second payment took the same network as the first"));
    }
    print.head(&format!("Same request, other market: first on {}, then on {}", first.title, second.title));
    Ok(Report { price_usd: parties.price, payments: vec![first, second] })
}
