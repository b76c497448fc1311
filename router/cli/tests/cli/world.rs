//! Chains, a facilitator that is the real command, and a paid API: what `quote` and `pay` need around them.

use crate::kit::{Outcome, Running, Said, run, tollway};
use axum::http::{Method, StatusCode};
use axum::routing::get;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tollway::House;
use tollway::core::{Ledger, Role, Usd};
use tollway::http::server::{Paywall, Priced};
use tollway::ledger::SqliteLedger;
use tollway::route::{Rail, SellerPolicy, Tag};
use tollway_devnet::{Chain, ChainSpec, Devnet};

pub(crate) const BASE: u64 = 8453;

/// Base and OP, on which the payer has money, and Base Sepolia, on which it has none.
pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) home: tempfile::TempDir,
}

/// A paid API in this process, settled by a facilitator in another.
pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) facilitator: Running,
    _house: House,
}

impl World {
    pub(crate) async fn start() -> Outcome<Self> {
        let chains = [ChainSpec::BASE, ChainSpec::OP, ChainSpec::BASE_SEPOLIA];
        let world =
            Self { devnet: Devnet::builder().chains(chains).start().await?, home: tempfile::tempdir()? };
        let payer = world.devnet.accounts().payer(0).address();
        world.devnet.chain(84532)?.set_usdc_balance(payer, 0).await?;
        world.write("tollway.toml", &world.config())?;
        Ok(world)
    }

    pub(crate) fn chain(&self) -> Outcome<&Chain> {
        Ok(self.devnet.chain(BASE)?)
    }

    /// A configuration without a cap.
    pub(crate) fn config(&self) -> String {
        let mut text =
            "mainnet = true\n[payer]\nenv = \"PAYER\"\n[[settler]]\nenv = \"SETTLER\"\n".to_owned();
        text.push_str("[facilitator]\nlisten = \"127.0.0.1:0\"\n");
        for chain in self.devnet.chains() {
            let (id, rpc) = (chain.spec().caip2(), chain.http_url());
            text.push_str(&format!("[[network]]\nid = \"{id}\"\nrpc = \"{rpc}\"\n"));
        }
        text
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Outcome<PathBuf> {
        let path = self.home.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// The command with both keys in the environment, which only the configuration names.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tollway(self.home.path(), arguments);
        command.env("PAYER", self.devnet.accounts().payer(0).private_key());
        command.env("SETTLER", self.devnet.accounts().settler(0).private_key());
        command
    }

    /// Runs it beside this test's own servers, and sees that it keeps its secrets.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Outcome<Said> {
        let command = self.command(arguments);
        let said = tokio::task::spawn_blocking(move || run(command)).await??;
        self.keeps_secrets(&said);
        Ok(said)
    }

    #[track_caller]
    pub(crate) fn keeps_secrets(&self, said: &Said) {
        let all = format!("{}{}", said.out, said.err).to_lowercase();
        let accounts = self.devnet.accounts();
        for account in accounts.payers().iter().chain(accounts.settlers()) {
            let key = account.private_key().trim_start_matches("0x").to_lowercase();
            assert!(!all.contains(&key[..16]), "a key is in {said:?}");
        }
    }

    /// Starts a facilitator and an API that sells `/weather` and `/broken` for a cent.
    pub(crate) async fn open_shop(&self) -> Outcome<Shop> {
        self.open_shop_beside(self.command(&["facilitator"])).await
    }

    /// The same, beside a facilitator that is started so.
    pub(crate) async fn open_shop_beside(&self, facilitator: Command) -> Outcome<Shop> {
        self.open_shop_that(facilitator, |rails| rails).await
    }

    /// The same, with the usual rails turned into these.
    pub(crate) async fn open_shop_that(
        &self,
        facilitator: Command,
        rails: impl FnOnce(Vec<Rail>) -> Vec<Rail>,
    ) -> Outcome<Shop> {
        let facilitator = Running::start(facilitator)?;
        let settles = facilitator.hear("listening on ")?;
        let house = House::builder()
            .name("shop")
            .role(Role::Seller)
            .sqlite(self.home.path().join("shop.sqlite"))?
            .rpcs(self.devnet.chains().iter().map(|chain| chain.http_url()))
            .connect()
            .await?;
        let gate = house.gate(SellerPolicy::default(), vec![house.remote(&settles)?])?;
        let rails = rails(house.rails("exact", "USDC", self.devnet.accounts().merchant(0).address())?);
        let cent = Priced::fixed(Tag::Usd(Usd::parse("0.01")?), rails);
        let paywall = Paywall::builder(gate)
            .route(Method::GET, "/weather", cent.clone())
            .route(Method::GET, "/broken", cent)
            .build()?;
        let app = axum::Router::new()
            .route("/", get(|| async { "free\n" }))
            .route("/weather", get(|| async { "sunny\n" }))
            .route("/broken", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "out of order\n") }))
            .layer(paywall);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Shop { url, facilitator, _house: house })
    }

    /// What the payer has lost and the merchant has won on Base, in millionths.
    pub(crate) async fn moved(&self) -> Outcome<u128> {
        let accounts = self.devnet.accounts();
        let paid = 10_000_000_000 - self.chain()?.usdc_balance(accounts.payer(0).address()).await?;
        let got = self.chain()?.usdc_balance(accounts.merchant(0).address()).await? - 100_000_000;
        assert_eq!(paid, got);
        Ok(got)
    }

    /// How many signatures the payer's ledger knows of.
    pub(crate) async fn signatures(&self) -> Outcome<usize> {
        let ledger = SqliteLedger::open(self.home.path().join("tollway.sqlite"))?;
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        Ok(ledger.scan("attempt/", None, 1000).await?.len())
    }
}
