//! Brings all chains up on their fixed ports and keeps them until Ctrl-C: `cargo run --example up -- [block time in ms]`.

use std::time::Instant;

use tollway_devnet::Devnet;

#[tokio::main]
async fn main() -> tollway_devnet::Result<()> {
    let block_time = std::env::args().nth(1).and_then(|text| text.parse::<u64>().ok());
    let began = Instant::now();
    let devnet = Devnet::builder().block_time_ms(block_time).fixed_ports(true).solana().start().await?;
    for chain in devnet.chains() {
        println!("{:>12}  {}  anvil {}", chain.spec().name, chain.http_url(), chain.node_url());
    }
    let solana = devnet.solana()?;
    println!("{:>12}  {}  surfpool {}", solana.name(), solana.http_url(), solana.node_url());
    println!("up in {:?}; Ctrl-C ends", began.elapsed());
    let _ = tokio::signal::ctrl_c().await;
    devnet.stop().await;
    Ok(())
}
