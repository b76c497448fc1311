//! What a route costs when a coin's price is off its peg, stale, absurd, or disputed by another source.

use axum::Router as Web;
use axum::routing::get;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway::core::{AssetId, ChainId, Challenge, Code, Role, Usd, wire};
use tollway::evm::FAMILY;
use tollway::http::spot::{Feed, SpotOracle};
use tollway::route::{Considered, Context, Policy};
use tollway::system::SystemClock;
use tollway::{House, HouseBuilder};
use tollway_devnet::{Chain, ChainSpec};
use tollway_e2e::Outcome;
use tollway_e2e::world::World;

const DOLLAR_E8: u64 = 100_000_000;
const ETH_E8: u64 = 250_000_000_000;

/// The same number of tokens, on every chain.
fn challenge(world: &World) -> Outcome<Challenge> {
    let entry = |chain: &Chain| {
        json!({
            "scheme": "exact", "network": chain.spec().caip2(), "amount": "10000", "asset": chain.usdc(),
            "payTo": world.devnet.accounts().merchant(0).address(), "maxTimeoutSeconds": 60,
            "extra": { "name": chain.spec().usdc_name, "version": ChainSpec::USDC_VERSION },
        })
    };
    let accepts: Vec<_> = world.devnet.chains().iter().map(entry).collect();
    let asked =
        json!({ "x402Version": 2, "resource": { "url": "https://shop.example/a" }, "accepts": accepts });
    Ok(wire::parse_challenge(asked.to_string(), &[FAMILY])?)
}

fn builder(world: &World) -> Outcome<HouseBuilder> {
    let key = world.devnet.accounts().payer(0).private_key();
    let urls = world.chains().into_iter().map(|(_, url)| url);
    Ok(House::builder().role(Role::Payer).sqlite(world.ledger("payer"))?.payer_key(key)?.rpcs(urls))
}

/// A new house each time: nothing is remembered of earlier prices.
async fn considered<'a>(builder: HouseBuilder, asked: &'a Challenge) -> Outcome<Considered<'a>> {
    let house = builder.connect().await?;
    let router = house.router(Policy { allow_mainnet: true, ..Policy::default() });
    Ok(router.consider(asked, Context { host: None }).await)
}

/// Which entries were rejected, and why.
fn rejected(considered: &Considered<'_>) -> Vec<(usize, Code)> {
    considered.rejected.iter().map(|r| (r.index, r.reason.code.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stablecoin_off_its_peg_is_priced_as_it_is() -> Outcome {
    let world = World::start([ChainSpec::BASE, ChainSpec::OP]).await?;
    let asked = challenge(&world)?;
    let (base, op) = (&world.devnet.chains()[0], &world.devnet.chains()[1]);
    for (base_e8, op_e8, cheaper) in [(95_000_000, DOLLAR_E8, base), (DOLLAR_E8, 95_000_000, op)] {
        base.set_usdc_usd_e8(base_e8).await?;
        op.set_usdc_usd_e8(op_e8).await?;
        let considered = considered(builder(&world)?, &asked).await?;
        let bills: Vec<_> =
            considered.routes.iter().map(|r| (r.requirement.chain.to_string(), r.bill)).collect();
        assert_eq!(bills[0], (cheaper.spec().caip2(), Usd::parse("$0.0095")?), "{bills:?}");
        assert_eq!(bills[1].1, Usd::parse("$0.01")?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_cannot_be_right_rejects_the_route_with_the_reason() -> Outcome {
    let world = World::start([ChainSpec::BASE, ChainSpec::OP]).await?;
    let base = &world.devnet.chains()[0];
    let (asked, now) = (challenge(&world)?, base.timestamp().await?);
    for (answer, at, want) in [
        (DOLLAR_E8, now - 10 * 24 * 3600, Some(Code::StalePrice)),
        (0, now, Some(Code::AbsurdPrice)),
        (u64::MAX, now, Some(Code::AbsurdPrice)),
        (DOLLAR_E8, now, None),
    ] {
        base.set_usdc_usd_e8_at(answer, at).await?;
        let considered = considered(builder(&world)?, &asked).await?;
        assert_eq!(rejected(&considered), Vec::from_iter(want.map(|code| (0, code))), "{answer} at {at}");
    }
    Ok(())
}

/// Chainlink's feed on the chain, and a price over HTTP: they agree, they do not, they agree again.
#[tokio::test(flavor = "multi_thread")]
async fn sources_that_disagree_reject_the_route_until_they_agree_again() -> Outcome {
    let world = World::start([ChainSpec::BASE, ChainSpec::OP]).await?;
    let asked = challenge(&world)?;
    let cents = Arc::new(AtomicU64::new(ETH_E8 / 1_000_000));
    let spot = cents.clone();
    let answer = move || {
        let cents = spot.load(Ordering::SeqCst);
        async move { json!({ "data": { "amount": format!("{}.{:02}", cents / 100, cents % 100) } }).to_string() }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/spot", listener.local_addr()?);
    let web =
        tokio::spawn(async move { axum::serve(listener, Web::new().route("/spot", get(answer))).await });
    for chain in world.devnet.chains() {
        chain.set_eth_usd_e8(ETH_E8).await?;
    }

    for (dollars, agreed) in [(2_500, true), (2_450, true), (2_000, false), (2_500, true)] {
        cents.store(dollars * 100, Ordering::SeqCst);
        let coin = AssetId::native(ChainId::new(&ChainSpec::BASE.caip2())?);
        let oracle =
            SpotOracle::new(Arc::new(SystemClock))?.with(Feed::new(&url, "/data/amount")?, [(coin, 18)])?;
        let house = builder(&world)?.price_source("spot", Arc::new(oracle));
        let considered = considered(house, &asked).await?;
        let want = if agreed { vec![] } else { vec![(0, Code::PricesDisagree)] };
        assert_eq!(rejected(&considered), want, "at {dollars}");
        for entry in &considered.rejected {
            assert!(entry.reason.detail.contains("spot $2000.000000"), "{}", entry.reason);
        }
    }
    web.abort();
    Ok(())
}
