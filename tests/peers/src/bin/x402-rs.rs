//! The facilitator of x402-rs: its own HTTP handlers over its own scheme and provider, wired as its documentation says.

use alloy_provider::Provider;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use tollway_peers::{Anything, Settings, serve};
use x402_chain_eip155::V2Eip155Exact;
use x402_chain_eip155::chain::config::Eip155ChainConfig;
use x402_chain_eip155::chain::{Eip155ChainProvider, Eip155ChainReference, Eip155MetaTransactionProvider};
use x402_facilitator_local::{FacilitatorLocal, handlers};
use x402_types::chain::{ChainId, ChainProviderOps, ChainRegistry, FromConfig};
use x402_types::scheme::{
    SchemeBlueprints, SchemeConfig, SchemeRegistry, X402SchemeFacilitator, X402SchemeFacilitatorBuilder,
};

/// The one kind of chain here. A registry wants a type of the program's own.
struct Chain(Arc<Eip155ChainProvider>);

impl ChainProviderOps for Chain {
    fn signer_addresses(&self) -> Vec<String> {
        self.0.signer_addresses()
    }

    fn chain_id(&self) -> ChainId {
        self.0.chain_id()
    }
}

/// The scheme, for the program's own kind of chain.
struct Exact;

impl x402_types::scheme::X402SchemeId for Exact {
    fn namespace(&self) -> &str {
        V2Eip155Exact.namespace()
    }

    fn scheme(&self) -> &str {
        V2Eip155Exact.scheme()
    }
}

impl X402SchemeFacilitatorBuilder<&Chain> for Exact {
    fn build(
        &self,
        chain: &Chain,
        config: Option<serde_json::Value>,
    ) -> Result<Box<dyn X402SchemeFacilitator>, Anything> {
        V2Eip155Exact.build(Arc::clone(&chain.0), config)
    }
}

#[tokio::main]
async fn main() -> Result<(), Anything> {
    let settings = Settings::read()?;
    let id = ChainId::new("eip155", settings.chain.to_string());
    let config = Eip155ChainConfig {
        chain_reference: Eip155ChainReference::try_from(&id)?,
        inner: serde_json::from_value(
            json!({ "signers": settings.keys, "rpc": [{ "http": settings.rpc }] }),
        )?,
    };
    let provider = Arc::new(Eip155ChainProvider::from_config(&config).await?);
    if let Some(poll) = settings.poll() {
        provider.inner().client().set_poll_interval(poll);
    }
    let schemes: Vec<SchemeConfig> =
        serde_json::from_value(json!([{ "id": "v2-eip155-exact", "chains": id.to_string() }]))?;
    let chains = ChainRegistry::new(HashMap::from([(id, Chain(provider))]));
    let registry = SchemeRegistry::build(chains, SchemeBlueprints::new().and_register(Exact), &schemes);
    serve(handlers::routes().with_state(Arc::new(FacilitatorLocal::new(registry)))).await
}
