//! What the tests share: a devnet, and houses on it that pay, sell and settle by this cell alone.
#![allow(dead_code, reason = "each test binary uses its part")]

use serde_json::json;
use std::sync::Arc;
use tollway_cells::{Random, Wall};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Account as Key, Chain, ChainSpec, Devnet, TokenSpec};
use tollway_evm::{EvmNetwork, FAMILY, LocalKey};
use tollway_upto_permit2::ENTRY;

pub(crate) const CEILING: u128 = 10_000;

pub(crate) async fn base() -> Devnet {
    Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start().await.unwrap()
}

pub(crate) fn chain(devnet: &Devnet) -> &Chain {
    devnet.chain(8453).unwrap()
}

/// One process that pays as `payer`, sells, and settles from the accounts of `senders`.
pub(crate) struct House {
    pub(crate) registry: Registry,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) clock: Arc<Wall>,
}

impl House {
    pub(crate) async fn open(devnet: &Devnet, payer: &Key, senders: &[&Key]) -> Self {
        let (ledger, clock) = (Arc::new(MemoryLedger::default()), Arc::new(Wall::default()));
        let key = |account: &Key| Arc::new(LocalKey::from_hex(account.private_key()).unwrap());
        let mut network = EvmNetwork::builder(ledger.clone(), clock.clone())
            .url(chain(devnet).http_url())
            .payer(key(payer));
        for sender in senders {
            network = network.sender(key(sender));
        }
        let evm = network.connect().await.unwrap();
        let tokens = TokenSpec::ALL.map(|token| match token.permit_version {
            Some(version) => {
                json!({"chain": "eip155:8453", "address": token.address, "name": token.name, "version": version})
            }
            None => json!({"chain": "eip155:8453", "address": token.address}),
        });
        let settings = json!({"tokens": tokens, "gas_sponsoring": ["eip2612", "erc20_approval"]});
        let builder = Registry::builder().with(ENTRY).family(FAMILY).network(evm.handle());
        let builder = [Role::Payer, Role::Seller, Role::Settler]
            .into_iter()
            .fold(builder.settings("upto", settings), |b, role| b.role(role));
        let registry = builder.build(ledger.clone(), clock.clone(), Arc::new(Random)).unwrap();
        Self { registry, ledger, clock }
    }

    pub(crate) fn cell(&self) -> &Cell {
        self.registry.cells().next().unwrap()
    }
    pub(crate) fn payer(&self) -> &dyn Payer {
        &**self.cell().payer.as_ref().unwrap()
    }
    pub(crate) fn settler(&self) -> &dyn Settler {
        &**self.cell().settler.as_ref().unwrap()
    }

    /// An offer of a ceiling in a token, and what the 402 says beside it.
    pub(crate) async fn offer(&self, devnet: &Devnet, token: &str) -> (Offer, Option<Json>) {
        let kinds = self.settler().kinds().await.unwrap();
        self.offer_of(devnet, token, &kinds[0])
    }

    /// The same, of one of the settler's kinds.
    pub(crate) fn offer_of(&self, devnet: &Devnet, token: &str, kind: &Kind) -> (Offer, Option<Json>) {
        let at = self.cell().chain;
        let price = Price {
            ceiling: Ceiling(Amount::new(FAMILY.asset(at, token).unwrap(), CEILING)),
            pay_to: FAMILY.account(at, devnet.accounts().merchant(0).address()).unwrap(),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain: at,
        };
        let seller = self.cell().seller.as_ref().unwrap();
        let offer = seller.offer(&price, kind).unwrap();
        let extensions = seller.extensions(&offer, kind);
        (offer, extensions)
    }

    pub(crate) fn challenge(requirement: &Requirement, extensions: Option<Json>) -> Challenge {
        let accepts = vec![Entry { raw: requirement.raw.clone(), requirement: Ok(requirement.clone()) }];
        Challenge { version: Version::V2, accepts, resource: None, extensions, error: None }
    }

    pub(crate) async fn plan(&self, requirement: &Requirement, extensions: Option<Json>) -> Result<Plan> {
        let challenge = Self::challenge(requirement, extensions);
        self.payer().plan(&Demand { challenge: &challenge, requirement, now: self.clock.now() }).await
    }

    pub(crate) async fn sign(&self, requirement: &Requirement, extensions: Option<Json>) -> Authorization {
        let challenge = Self::challenge(requirement, extensions);
        let demand = Demand { challenge: &challenge, requirement, now: self.clock.now() };
        let plan = self.payer().plan(&demand).await.unwrap();
        let attempt = Random::attempt();
        let hold = HoldId(attempt.0.clone());
        let reserved = Reserved::new(&*self.ledger, hold, &[], plan, demand.now).await.unwrap();
        self.payer().authorize(&demand, &reserved, &attempt).await.unwrap()
    }

    /// A payment in a token, as it is signed for this house's own offer.
    pub(crate) async fn pay(&self, devnet: &Devnet, token: &str) -> Order {
        let (offer, _) = self.offer(devnet, token).await;
        self.sign(&offer.requirement, None).await.order()
    }

    pub(crate) async fn verify(&self, order: &Order) -> Result<Verified> {
        flow::verify(ENTRY.read, self.settler(), order.clone(), &*self.clock).await
    }

    pub(crate) async fn due(&self, order: &Order, atomic: u128) -> Due {
        let verified = self.verify(order).await.unwrap();
        let charge = order.requirement.price.charge(atomic).unwrap();
        verified.due(charge).unwrap()
    }

    pub(crate) async fn settle(&self, order: &Order, atomic: u128) -> Result<Receipt> {
        self.settler().settle(self.due(order, atomic).await).await
    }
}

/// What came out: the code.
pub(crate) fn code<T: std::fmt::Debug>(done: Result<T>) -> Code {
    done.unwrap_err().code
}
