//! The three parties of the demo, each with keys, a ledger and a view of the chains of its own.

use super::places;
use crate::exit::{Failure, Outcome};
use axum::Router as Axum;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tollway::House;
use tollway::core::{Role, Usd};
use tollway::http::client::{Asked, PayingClient, Quoted};
use tollway::http::server::{Paywall, Priced};
use tollway::route::{Policy, SellerPolicy, Tag};
use tollway_devnet::Devnet;

/// Everybody, running.
pub(super) struct Parties {
    pub(super) client: PayingClient,
    pub(super) url: String,
    pub(super) price: Usd,
    _payer: House,
    _seller: House,
    _settler: House,
    _files: tempfile::TempDir,
}

impl Parties {
    /// Starts the facilitator, the paid API and the client.
    pub(super) async fn start(devnet: &Devnet) -> Outcome<Self> {
        let files = tempfile::tempdir().map_err(Failure::failed)?;
        let price = Usd::parse("0.01")?;
        let settler = settler(devnet, &files).await?;
        let facilitator = serve_facilitator(&settler).await?;
        let seller = seller(devnet, &files).await?;
        let api = serve_api(devnet, &seller, &facilitator, price).await?;
        let payer = payer(devnet, &files).await?;
        let policy = Policy { cap: Some(Usd::parse("0.05")?), allow_mainnet: true, ..Policy::default() };
        let client = payer.client(policy)?;
        let url = format!("{api}/weather");
        Ok(Self { client, url, price, _payer: payer, _seller: seller, _settler: settler, _files: files })
    }

    /// The ranked table of the paid API, now.
    pub(super) async fn quote(&self) -> Outcome<Asked> {
        let request =
            self.client.request(reqwest::Method::GET, &self.url).build().map_err(Failure::failed)?;
        match self.client.quote(request).await.map_err(|e| Failure::failed(e.error()))? {
            Quoted::Asked(asked) => Ok(*asked),
            _ => Err(Failure::failed("the API asked for nothing")),
        }
    }

    /// Waits until the payer's quotes have noticed the spike of a network: a tariff lives for some blocks.
    pub(super) async fn see_spike(&self, network: &str, before: Option<Usd>) -> Outcome {
        for _ in 0..100 {
            let asked = self.quote().await?;
            let spiked = asked.explanation.routes.iter().find(|r| r.network == network);
            if spiked.is_some_and(|r| before.is_none_or(|b| r.settlement_cost_usd > b)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Failure::failed("the payer's quotes did not notice the spike within 10 s"))
    }
}

async fn house(
    devnet: &Devnet,
    files: &tempfile::TempDir,
    name: &str,
    role: Role,
    payer: Option<&str>,
    sender: Option<&str>,
) -> Outcome<House> {
    let mut builder = House::builder()
        .name(name)
        .role(role)
        .sqlite(files.path().join(format!("{name}.sqlite")))?
        .rpcs(places::all(devnet)?.iter().map(places::Place::url));
    if let Some(key) = payer {
        builder = builder.payer_key(key)?;
    }
    if let Some(key) = sender {
        builder = builder.sender_key(key)?;
    }
    Ok(builder.connect().await?)
}

async fn settler(devnet: &Devnet, files: &tempfile::TempDir) -> Outcome<House> {
    let solana = devnet.solana().map_err(Failure::failed)?.accounts().settler(0).private_key();
    let keys = format!("{},{solana}", devnet.accounts().settler(0).private_key());
    house(devnet, files, "facilitator", Role::Settler, None, Some(&keys)).await
}

async fn seller(devnet: &Devnet, files: &tempfile::TempDir) -> Outcome<House> {
    house(devnet, files, "api", Role::Seller, None, None).await
}

/// The payer has USDC on five networks and none on Base Sepolia, so one entry is rejected.
async fn payer(devnet: &Devnet, files: &tempfile::TempDir) -> Outcome<House> {
    let account = devnet.accounts().payer(0);
    let sepolia = devnet.chain(84532).map_err(Failure::failed)?;
    sepolia.set_usdc_balance(account.address(), 0).await.map_err(Failure::failed)?;
    let solana = devnet.solana().map_err(Failure::failed)?.accounts().payer(0).private_key();
    let keys = format!("{},{solana}", account.private_key());
    house(devnet, files, "client", Role::Payer, Some(&keys), None).await
}

pub(super) async fn serve_facilitator(house: &House) -> Outcome<String> {
    let facilitator = house.facilitator().build()?;
    facilitator.recover().await?;
    serve(facilitator.router()).await
}

async fn serve_api(devnet: &Devnet, house: &House, facilitator: &str, price: Usd) -> Outcome<String> {
    // Everything is offered, the unprofitable too, so that the table shows what a payer can choose from.
    let policy = SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() };
    let gate = house.gate(policy, vec![house.remote(facilitator)?])?;
    let mut rails = house.rails("exact", "USDC", devnet.accounts().merchant(0).address())?;
    let solana = devnet.solana().map_err(Failure::failed)?;
    rails.extend(house.rails("exact", "USDC", solana.accounts().merchant(0).address())?);
    let paywall = Paywall::builder(gate)
        .answers(Arc::clone(house.ledger()), Arc::clone(house.clock()))
        .route(axum::http::Method::GET, "/weather", Priced::fixed(Tag::Usd(price), rails))
        .build()?;
    paywall.recover();
    let app = Axum::new().route("/weather", get(|| async { "sunny, 21 °C\n" })).layer(paywall);
    serve(app).await
}

/// Serves on a free port of loopback until the process ends.
pub(super) async fn serve(app: Axum) -> Outcome<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(Failure::failed)?;
    let at = listener.local_addr().map_err(Failure::failed)?;
    tokio::spawn(async move {
        if let Err(e) = axum::serve(listener, app).await {
            tracing::error!("server ended: {e}");
        }
    });
    Ok(format!("http://{at}"))
}
