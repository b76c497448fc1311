//! Each side of a payment, from one house.

use crate::house::House;
use std::sync::Arc;
#[cfg(feature = "evm")]
use tollway_core::ChainId;
use tollway_core::{AssetId, Code, Error, Flow, Name, Result, Screen};
#[cfg(feature = "client")]
use tollway_http::client::{ClientSettings, PayingClient};
use tollway_route::{Guard, GuardSettings, Rail, Screening, Silence};
#[cfg(feature = "server")]
use {tollway_http::RemoteFacilitator, tollway_route::pool::Seat};

/// How long a payment must stay good, unless a rail says otherwise: time for a handler and a slow block.
const RAIL_TIMEOUT_S: u64 = 120;

impl House {
    /// An HTTP client that pays within `policy`, with every setting at its default. For others, give
    /// [`Self::router`] to [`PayingClient::new`].
    ///
    /// # Errors
    /// [`Code::BadSettings`] when this system cannot make an HTTP client.
    #[cfg(feature = "client")]
    pub fn client(&self, policy: tollway_route::Policy) -> Result<PayingClient> {
        PayingClient::new(reqwest::Client::builder(), self.router(policy), ClientSettings::default())
    }

    /// Somebody's facilitator, as [`Self::gate`] and [`Self::pool`] take it. One that wants a header or a fee is made by
    /// [`RemoteFacilitator::builder`] and [`RemoteFacilitator::seat`].
    ///
    /// # Errors
    /// [`Code::InsecureTransport`] for plain http to another machine, [`Code::BadSettings`].
    #[cfg(feature = "server")]
    pub fn remote(&self, url: &str) -> Result<Seat> {
        let remote = RemoteFacilitator::builder(url, Arc::clone(self.registry()), Arc::clone(self.clock()));
        Ok(remote.build()?.seat())
    }

    /// A facilitator that settles on the chains of this house, under its name.
    #[cfg(feature = "facilitator")]
    pub fn facilitator(&self) -> tollway_http::facilitator::Builder {
        let builder = tollway_http::Facilitator::builder(
            self.name(),
            Arc::clone(self.registry()),
            Arc::clone(self.ledger()),
            Arc::clone(self.clock()),
        );
        match self.leases() {
            Some(leases) => builder.leases(Arc::clone(leases)),
            None => builder,
        }
    }

    /// Bounds what a facilitator of this house spends on gas, by the house's prices, ledger and clock.
    ///
    /// # Errors
    /// [`Code::BadSettings`].
    pub fn guard(&self, settings: GuardSettings) -> Result<Guard> {
        let quotes = Arc::clone(self.quotes());
        Guard::new(settings, quotes, Arc::clone(self.ledger()), Arc::clone(self.clock()))
    }

    /// Asks `screen` about payments, at most `limit_ms` milliseconds each, and writes every decision into the ledger of this
    /// house. For [`Policy::screen`](tollway_route::Policy::screen) and [`Guard::screening`].
    pub fn screening(&self, screen: Arc<dyn Screen>, silence: Silence, limit_ms: u64) -> Arc<Screening> {
        let ledger = Arc::clone(self.ledger());
        Arc::new(Screening::new(screen, silence, limit_ms, ledger, Arc::clone(self.clock())))
    }

    /// The sanctions list at `contract` on one of this house's EVM chains, for [`Self::screening`].
    ///
    /// # Errors
    /// [`Code::NetworkMissing`] without a node for that chain, [`Code::InvalidAddress`].
    #[cfg(feature = "evm")]
    pub fn sanctions_list(&self, chain: ChainId, contract: &str) -> Result<Arc<dyn Screen>> {
        let evm =
            self.registry().handle(&chain).and_then(tollway_core::Handle::typed::<dyn tollway_evm::Evm>);
        let evm = evm.ok_or_else(|| {
            Error::caller(Code::NetworkMissing).detail(format!("a sanctions list on {chain} needs its node"))
        })?;
        Ok(Arc::new(tollway_evm::SanctionsList::new(evm, contract, Arc::clone(self.clock()))?))
    }

    /// One rail for each chain of this house on which `scheme` sells: the token with this symbol, paid to `pay_to`, by the
    /// first transfer method that sells there. A rail of another method, or in a token that is in no table, is a [`Rail`]
    /// written out. Chains of another family, whose addresses are spelled otherwise, are passed over.
    ///
    /// # Errors
    /// [`Code::UnknownAsset`] for a chain whose table has no such token; [`Code::BadSettings`] when no chain is left.
    pub fn rails(&self, scheme: &str, symbol: &str, pay_to: &str) -> Result<Vec<Rail>> {
        let mut rails: Vec<Rail> = Vec::new();
        for cell in self.registry().cells().filter(|c| c.id.scheme == scheme && c.seller.is_some()) {
            let Some(family) = self.registry().family(&cell.chain) else { continue };
            let Ok(pay_to) = family.account(cell.chain, pay_to) else { continue };
            if rails.iter().any(|rail| rail.asset.chain == cell.chain) {
                continue;
            }
            let known = family.assets.iter().find(|a| a.chain == cell.chain.as_str() && a.symbol == symbol);
            let known = known.ok_or_else(|| {
                Error::caller(Code::UnknownAsset).detail(format!("no {symbol} is known on {}", cell.chain))
            })?;
            let named = cell.id.methods.iter().find(|method| !method.is_empty());
            rails.push(Rail {
                scheme: Name::new(scheme)?,
                method: named.map(|method| Name::new(method)).transpose()?,
                asset: AssetId::new(cell.chain, known.key)?,
                pay_to,
                flow: Flow::Authorization,
                timeout_s: RAIL_TIMEOUT_S,
            });
        }
        if rails.is_empty() {
            return Err(Error::caller(Code::BadSettings).detail(format!(
                "{scheme} sells on no chain here that has an account like {pay_to:?}; was Role::Seller asked for?"
            )));
        }
        Ok(rails)
    }
}

#[cfg(all(test, feature = "exact-eip3009"))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tollway_core::{ChainId, Role};

    const MERCHANT: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

    fn shop(chains: &[&str]) -> Result<House> {
        let memory = Arc::new(tollway_ledger::SqliteLedger::in_memory()?);
        let mut builder = House::builder().role(Role::Seller).ledger(memory);
        for chain in chains {
            builder = builder.bare(ChainId::new(chain)?);
        }
        builder.build()
    }

    #[tokio::test]
    async fn one_rail_for_each_chain() -> Result<()> {
        let rails = shop(&["eip155:10", "eip155:8453"])?.rails("exact", "USDC", MERCHANT)?;
        let chains: Vec<_> = rails.iter().map(|rail| rail.asset.chain.as_str()).collect();
        assert_eq!(chains, ["eip155:10", "eip155:8453"]);
        assert!(rails.iter().all(|rail| rail.pay_to.address() == MERCHANT.to_lowercase()));
        Ok(())
    }

    #[tokio::test]
    async fn a_rail_names_the_method_of_its_scheme() -> Result<()> {
        let shop = shop(&["eip155:8453"])?;
        let method = |scheme| -> Result<Option<String>> {
            Ok(shop.rails(scheme, "USDC", MERCHANT)?[0].method.map(|method| method.to_string()))
        };
        assert_eq!(method("exact")?.as_deref(), Some("eip3009"));
        #[cfg(feature = "upto-permit2")]
        assert_eq!(method("upto")?.as_deref(), Some("permit2"));
        Ok(())
    }

    #[tokio::test]
    async fn what_cannot_be_sold_is_said() -> Result<()> {
        let shop = shop(&["eip155:8453", "eip155:41923"])?; // nobody knows a token on EDU Chain
        let code = |rails: Result<Vec<Rail>>| rails.unwrap_err().code;
        assert_eq!(code(shop.rails("exact", "USDC", MERCHANT)), Code::UnknownAsset);
        assert_eq!(code(shop.rails("exact", "USDC", "merchant")), Code::BadSettings);
        assert_eq!(code(shop.rails("inexact", "USDC", MERCHANT)), Code::BadSettings);
        Ok(())
    }
}
