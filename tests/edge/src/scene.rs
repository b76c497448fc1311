//! A chain, a facilitator whose doors can be held shut, and counters to sell at.

use crate::door::Door;
use crate::serve;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use std::sync::Arc;
use tollway::House;
use tollway::core::{Role, Usd};
use tollway::http::server::{Paywall, PaywallBuilder, Priced};
use tollway::route::{SellerPolicy, Tag};
use tollway_devnet::ChainSpec;
use tollway_e2e::Outcome;
use tollway_e2e::chain::settlements;
use tollway_e2e::header::{Ask, encode};
use tollway_e2e::world::{HouseKeys, World, open_house};

/// What buyers know every shop by, whichever port it has.
pub const ORIGIN: &str = "http://shop.example";

/// A chain, and a facilitator on it.
#[derive(Debug)]
pub struct Scene {
    /// The chain.
    pub world: World,
    /// Before `/verify`.
    pub verify: Door,
    /// Before `/settle`.
    pub settle: Door,
    /// The facilitator's address.
    pub facilitator: String,
}

impl Scene {
    /// Starts all of it.
    ///
    /// # Errors
    /// Whatever the parts say.
    pub async fn set() -> Outcome<Self> {
        let world = World::start([ChainSpec::BASE]).await?;
        let sender = world.devnet.accounts().settler(0).private_key().to_owned();
        let keys = HouseKeys { senders: vec![sender], ..HouseKeys::default() };
        let facilitator = world.house("facilitator", Role::Settler, &keys).await?.facilitator().build()?;
        facilitator.recover().await?;
        let (verify, settle) = (Door::default(), Door::default());
        let doors = from_fn_with_state((verify.clone(), settle.clone()), held);
        let url = serve(facilitator.router().layer(doors)).await?;
        Ok(Self { world, verify, settle, facilitator: url })
    }

    /// A seller of this name over the ledger `file`: replicas have names of their own and share a ledger.
    ///
    /// # Errors
    /// The ledger's, the node's.
    pub async fn seller(&self, name: &str, file: &str) -> Outcome<House> {
        let file = self.world.ledger(file);
        open_house(name, &file, Role::Seller, &self.world.chains(), &HouseKeys::default()).await
    }

    /// A paywall that is yet to get its routes; answers are kept.
    ///
    /// # Errors
    /// The facilitator's address.
    pub fn counter(&self, house: &House) -> Outcome<PaywallBuilder> {
        let policy = SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() };
        let gate = house.gate(policy, vec![house.remote(&self.facilitator)?])?;
        let (ledger, clock) = (Arc::clone(house.ledger()), Arc::clone(house.clock()));
        Ok(Paywall::builder(gate).origin(ORIGIN).answers(ledger, clock))
    }

    /// A cent in USDC.
    ///
    /// # Errors
    /// None on a devnet's chains.
    pub fn cent(&self) -> Outcome<Priced> {
        let rails = vec![self.world.rail(self.world.chain())?];
        Ok(Priced::fixed(Tag::Usd(Usd::parse("0.01")?), rails))
    }

    /// The first payer's key.
    pub fn payer(&self) -> &str {
        self.world.devnet.accounts().payer(0).private_key()
    }

    /// A fresh payment for a request, as its header's value.
    ///
    /// # Errors
    /// Nothing is asked.
    pub async fn payment(&self, ask: &Ask) -> Outcome<String> {
        Ok(encode(&ask.draft(&reqwest::Client::new(), self.payer()).await?.sign()))
    }

    /// How many authorizations were used on the chain, each of them once.
    ///
    /// # Errors
    /// The node's.
    ///
    /// # Panics
    /// One was tried more than once.
    pub async fn settled(&self) -> Outcome<usize> {
        let all = settlements(self.world.chain()).await?;
        for (key, tries) in &all {
            assert!(tries.len() == 1 && tries[0].success, "{key:?}: {tries:?}");
        }
        Ok(all.len())
    }
}

async fn held(State((verify, settle)): State<(Door, Door)>, request: Request, next: Next) -> Response {
    match request.uri().path() {
        "/verify" => verify.pass().await,
        "/settle" => settle.pass().await,
        _ => {}
    }
    next.run(request).await
}
