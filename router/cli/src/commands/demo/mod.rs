//! `tollway demo`: the main job on real local chains.
//!
//! A facilitator, a paid API and a paying client talk HTTP over loopback, each with a ledger of its own, on five anvil
//! chains with different gas and on Solana. One payment settles on the cheapest; then that market is spiked, and the
//! next payment takes another network; and once more. Every number shown is read from the chains.
//!
//! With `--token` the same three pay in tokens that know nothing of x402, over Permit2, on one network.

mod parties;
mod payment;
mod places;
mod print;
mod tokens;

use super::devnet::ALL;
use crate::args::Demo;
use crate::exit::{Failure, Outcome};
use crate::out;
use payment::PaymentReport;
use serde::Serialize;
use tollway_devnet::Devnet;

/// What Solana's priority fee is spiked to, in millionths of a lamport per compute unit: a popular mint.
const SPIKE_MICRO_LAMPORTS: u64 = 2_000_000;
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
    if !args.tokens.is_empty() {
        return tokens::run(&args.tokens, &print).await;
    }
    print.head("Starting Ethereum, Base, OP, Arbitrum, Base Sepolia and Solana on this machine");
    let devnet = Devnet::builder().chains(ALL).solana().start().await.map_err(Failure::failed)?;
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
    print.head(&format!("A paid API asks {} in USDC, on any of six networks", parties.price));
    let first = payment::make(devnet, &parties, print).await?;
    let solana = devnet.solana().map_err(Failure::failed)?;
    print.head("Solana gets crowded: a place there goes for 2 lamports per compute unit");
    solana.set_priority_fee(SPIKE_MICRO_LAMPORTS);
    parties.see_spike(solana.caip2(), first.settlement_on(solana.caip2())).await?;
    let second = payment::make(devnet, &parties, print).await?;
    let base = devnet.chain(8453).map_err(Failure::failed)?;
    print.head("Base gets crowded too: its base fee goes to 20 gwei");
    base.set_base_fee_wei(SPIKE_WEI).await.map_err(Failure::failed)?;
    base.mine(1).await.map_err(Failure::failed)?;
    parties.see_spike(&base.spec().caip2(), second.settlement_on(&base.spec().caip2())).await?;
    let third = payment::make(devnet, &parties, print).await?;
    if first.network == second.network || second.network == third.network {
        return Err(Failure::failed("a payment took the network that had become dear"));
    }
    print.head(&format!(
        "Same request, other market: first on {}, then on {}, then on {}",
        first.title, second.title, third.title
    ));
    Ok(Report { price_usd: parties.price, payments: vec![first, second, third] })
}
