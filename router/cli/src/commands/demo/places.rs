//! The demo's chains: where each is, and what everybody has there.

use crate::exit::{Failure, Outcome};
use tollway::core::{Time, UsdPrice};
use tollway_devnet::{Chain, Devnet, SolanaChain};

/// One chain with the accounts that play on it.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Evm(&'a Devnet, &'a Chain),
    Solana(&'a SolanaChain),
}

/// What everybody has on one chain, in the smallest units of USDC and of the chain's coin.
#[derive(Clone, Copy, Default)]
pub(super) struct Look {
    pub(super) payer_usdc: u128,
    pub(super) merchant_usdc: u128,
    pub(super) settler_native: u128,
}

/// Every chain of the devnet.
pub(super) fn all(devnet: &Devnet) -> Outcome<Vec<Place<'_>>> {
    let evm = devnet.chains().iter().map(|chain| Place::Evm(devnet, chain));
    Ok(evm.chain([Place::Solana(devnet.solana().map_err(Failure::failed)?)]).collect())
}

impl Place<'_> {
    /// CAIP-2.
    pub(super) fn network(&self) -> String {
        match self {
            Self::Evm(_, chain) => chain.spec().caip2(),
            Self::Solana(chain) => chain.caip2().to_owned(),
        }
    }

    /// The node's URL.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Evm(_, chain) => chain.http_url(),
            Self::Solana(chain) => chain.http_url(),
        }
    }

    /// What the coin is worth: where the devnet's feeds start.
    pub(super) fn coin(&self) -> UsdPrice {
        let (answer, asset_decimals) = match self {
            Self::Evm(..) => (tollway_devnet::ETH_USD_E8, 18),
            Self::Solana(_) => (tollway_devnet::SOL_USD_E8, 9),
        };
        UsdPrice { answer: answer.into(), answer_decimals: 8, asset_decimals, at: Time::ZERO }
    }

    /// Reads the chain.
    pub(super) async fn look(&self) -> Outcome<Look> {
        let looked = match self {
            Self::Evm(devnet, chain) => look_evm(devnet, chain).await,
            Self::Solana(chain) => look_solana(chain).await,
        };
        looked.map_err(Failure::failed)
    }
}

async fn look_evm(devnet: &Devnet, chain: &Chain) -> tollway_devnet::Result<Look> {
    let accounts = devnet.accounts();
    Ok(Look {
        payer_usdc: chain.usdc_balance(accounts.payer(0).address()).await?,
        merchant_usdc: chain.usdc_balance(accounts.merchant(0).address()).await?,
        settler_native: chain.native_balance(accounts.settler(0).address()).await?,
    })
}

async fn look_solana(chain: &SolanaChain) -> tollway_devnet::Result<Look> {
    let accounts = chain.accounts();
    Ok(Look {
        payer_usdc: chain.usdc_balance(accounts.payer(0).address()).await?.unwrap_or(0).into(),
        merchant_usdc: chain.usdc_balance(accounts.merchant(0).address()).await?.unwrap_or(0).into(),
        settler_native: chain.lamports(accounts.settler(0).address()).await?.into(),
    })
}
