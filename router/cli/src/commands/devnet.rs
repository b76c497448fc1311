//! `tollway devnet`: local chains until Ctrl-C, and a configuration that uses them.

use super::stopped;
use crate::args::Devnet as Args;
use crate::config::{Config, FixedPrice, Key, Network, Places, TokenPrice};
use crate::exit::{Failure, Outcome};
use crate::out;
use std::path::{Path, PathBuf};
use tollway_devnet::{Chain, ChainSpec, Devnet, DevnetError, SolanaToken, TokenSpec};

/// Where the configuration expects the keys.
pub(crate) const PAYER_ENV: &str = "TOLLWAY_PAYER_KEY";
/// Where the configuration expects the settler's key.
pub(crate) const SETTLER_ENV: &str = "TOLLWAY_SETTLER_KEY";

/// How a configuration of ours begins, and no other.
const HEADER: &str = "# Written by `tollway devnet`, for chains that are worth nothing.\n";

pub(crate) async fn run(args: &Args) -> Outcome {
    if let Some(path) = &args.write_config {
        refuse_others(path)?;
    }
    let devnet = Devnet::builder()
        .chains(ALL)
        .solana()
        .block_time_ms(args.block_time_ms)
        .fixed_ports(!args.free_ports)
        .start()
        .await
        .map_err(failed)?;
    let outcome = serve(args, &devnet).await;
    devnet.stop().await;
    outcome
}

async fn serve(args: &Args, devnet: &Devnet) -> Outcome {
    for chain in devnet.chains() {
        out::line(format_args!(
            "{:<14} {:<18} {}  USDC {}",
            chain.spec().name,
            chain.spec().caip2(),
            chain.http_url(),
            chain.usdc()
        ))?;
    }
    for token in TokenSpec::ALL {
        out::line(format_args!("{:<14} {:<5} {} {}", "", token.symbol, token.address, token.name))?;
    }
    let solana = devnet.solana().map_err(Failure::failed)?;
    let (name, caip2) = (solana.name(), solana.caip2());
    out::line(format_args!("{name:<14} {caip2}  {}", solana.http_url()))?;
    for token in SolanaToken::ALL {
        out::line(format_args!("{:<14} {} {}", "", token.name, token.mint))?;
    }
    out::line("\nfor other shells; everybody has these keys, and they are worthless anywhere else:")?;
    let (accounts, there) = (devnet.accounts(), solana.accounts());
    let pair = |name: &str, evm: &str, solana: &str| out::line(format_args!("export {name}={evm},{solana}"));
    pair(PAYER_ENV, accounts.payer(0).private_key(), &there.payer(0).private_key())?;
    pair(SETTLER_ENV, accounts.settler(0).private_key(), &there.settler(0).private_key())?;
    pair("TOLLWAY_PAY_TO", accounts.merchant(0).address(), there.merchant(0).address())?;
    let urls: Vec<_> = devnet.chains().iter().map(|chain| chain.http_url()).collect();
    pair("TOLLWAY_RPC_URLS", &urls.join(","), &solana.http_url())?;
    if let Some(path) = &args.write_config {
        write_config(path, devnet)?;
        out::line(format_args!(
            "\nwrote {0}: try `tollway facilitator -c {0}`, `tollway quote -c {0} URL`, `tollway pay -c {0} URL`",
            path.display()
        ))?;
    }
    out::line("\nCtrl-C ends the chains")?;
    stopped().await;
    Ok(())
}

fn failed(e: DevnetError) -> Failure {
    match e {
        DevnetError::Port { chain, port, .. } => Failure::failed(format!(
            "{chain}: port {port} is taken: does another `tollway devnet` run? `--free-ports` takes others"
        )),
        other => Failure::failed(other),
    }
}

/// Somebody's own configuration is not overwritten.
fn refuse_others(path: &Path) -> Outcome {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.is_empty() && !text.starts_with(HEADER) => Err(Failure::usage(format!(
            "{} is there already, and not by `tollway devnet`: name another file",
            path.display()
        ))),
        _ => Ok(()),
    }
}

fn write_config(path: &Path, devnet: &Devnet) -> Outcome {
    // A name that nobody gives to a ledger with real money in it.
    let ledger = path.with_extension("devnet.sqlite");
    // These chains have just begun, so what is remembered of their predecessors is about money that never was.
    for end in ["devnet.sqlite", "devnet.sqlite-wal", "devnet.sqlite-shm"] {
        match std::fs::remove_file(path.with_extension(end)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::failed(format!("cannot remove {}: {e}", ledger.display())));
            }
            _ => {}
        }
    }
    let name = ledger.file_name().map(PathBuf::from).unwrap_or_default();
    let text = toml::to_string(&config(devnet, name)?).map_err(Failure::failed)?;
    std::fs::write(path, format!("{HEADER}{text}"))
        .map_err(|e| Failure::failed(format!("cannot write {}: {e}", path.display())))
}

/// Every chain there is.
pub(crate) const ALL: [ChainSpec; 5] =
    [ChainSpec::ETHEREUM, ChainSpec::BASE, ChainSpec::OP, ChainSpec::ARBITRUM, ChainSpec::BASE_SEPOLIA];

/// What everybody on local chains says of their tokens, as settings of a scheme over Permit2: they are vouched for, and who
/// lacks an allowance is helped.
pub(crate) fn over_permit2<'t>(
    chains: impl IntoIterator<Item = &'t Chain>,
    tokens: impl IntoIterator<Item = &'t TokenSpec, IntoIter: Clone>,
) -> serde_json::Value {
    let tokens = tokens.into_iter();
    let vouched = |chain: &Chain, spec: &TokenSpec| {
        let mut token = serde_json::json!({ "chain": chain.spec().caip2(), "address": spec.address });
        if let (Some(version), Some(token)) = (spec.permit_version, token.as_object_mut()) {
            token.insert("name".to_owned(), spec.name.into());
            token.insert("version".to_owned(), version.into());
        }
        token
    };
    let of = |chain: &'t Chain| tokens.clone().map(move |spec| vouched(chain, spec));
    let tokens: Vec<_> = chains.into_iter().flat_map(of).collect();
    serde_json::json!({ "gas_sponsoring": ["eip2612", "erc20_approval"], "tokens": tokens })
}

/// Each token of each chain is a dollar.
fn prices(devnet: &Devnet) -> impl Iterator<Item = (String, FixedPrice)> {
    devnet.chains().iter().flat_map(|chain| {
        TokenSpec::ALL.iter().map(move |token| {
            let price = TokenPrice { usd: "1".to_owned(), decimals: token.decimals };
            (format!("{}/{}", chain.spec().caip2(), token.address), FixedPrice::Token(price))
        })
    })
}

fn config(devnet: &Devnet, ledger: PathBuf) -> Outcome<Config> {
    let solana = devnet.solana().map_err(Failure::failed)?;
    let evm = devnet.chains().iter().map(|chain| (chain.spec().caip2(), chain.http_url()));
    let networks = evm.chain([(solana.caip2().to_owned(), solana.http_url())]);
    let networks = networks.map(|(id, url)| Network {
        id,
        rpc: Some(url),
        rpc_env: None,
        confirmations: None,
        fee_cap_wei: None,
        bid_times_max: None,
    });
    let limits = crate::config::Limits {
        max_usd: Some(tollway::core::Usd::parse("0.10")?),
        own_transactions: true,
        ..Default::default()
    };
    let own = over_permit2(devnet.chains(), TokenSpec::ALL.iter());
    let exact = serde_json::json!({ "permit2": own });
    let schemes = [("exact", exact), ("upto", own)].map(|(name, settings)| {
        Ok((name.to_owned(), toml::Value::try_from(settings).map_err(Failure::failed)?))
    });
    Ok(Config {
        name: "devnet".to_owned(),
        ledger,
        // These chains have mainnets' ids, and coins that are worth nothing.
        mainnet: true,
        networks: networks.collect(),
        payer: Places(vec![Key::Env { env: PAYER_ENV.to_owned() }]),
        settlers: Places(vec![Key::Env { env: SETTLER_ENV.to_owned() }]),
        policy: limits,
        prices: prices(devnet).collect(),
        schemes: schemes.into_iter().collect::<Outcome<_>>()?,
        ..Config::default()
    })
}
