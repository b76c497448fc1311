//! The facilitator of r402. It comes without HTTP handlers: one that hands the request over and the answer back is all
//! that is added.

use alloy_network::EthereumWallet;
use alloy_provider::Provider;
use alloy_signer_local::PrivateKeySigner;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use r402_evm::Eip155ExactFacilitator;
use r402_evm::chain::{Eip155ChainProvider, Eip155ChainReference, Eip155MetaTransactionProvider};
use r402_facilitator::Facilitator;
use r402_protocol::payment::{SettleRequest, SettleResponse};
use std::sync::Arc;
use tollway_peers::{Anything, Settings, serve};

type Exact = Arc<Eip155ExactFacilitator<Arc<Eip155ChainProvider>>>;

/// Seconds that a receipt is waited for: what x402-rs, from which it comes, has as its default.
const RECEIPT_TIMEOUT_SECS: u64 = 30;

#[tokio::main]
async fn main() -> Result<(), Anything> {
    let settings = Settings::read()?;
    let chain = Eip155ChainReference::new(settings.chain);
    let mut wallet = EthereumWallet::default();
    for key in &settings.keys {
        wallet.register_signer(key.parse::<PrivateKeySigner>()?);
    }
    let rpc = [(settings.rpc.parse()?, None)];
    let provider =
        Arc::new(Eip155ChainProvider::new(chain, wallet, &rpc, true, false, RECEIPT_TIMEOUT_SECS)?);
    if let Some(poll) = settings.poll() {
        provider.inner().client().set_poll_interval(poll);
    }
    let facilitator: Exact = Arc::new(Eip155ExactFacilitator::try_new(provider)?);
    serve(Router::new().route("/settle", post(settle)).with_state(facilitator)).await
}

async fn settle(
    State(facilitator): State<Exact>,
    Json(request): Json<SettleRequest>,
) -> Result<Json<SettleResponse>, (StatusCode, String)> {
    let answer = facilitator.settle(request).await;
    answer.map(Json).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}
