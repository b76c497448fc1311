//! The roles of the reference SDK.

use crate::bed::Bed;
use crate::deal::{Deal, Terms};
use crate::node::Program;
use serde_json::{Value, json};
use tollway_devnet::ChainSpec;

/// A facilitator for these chains, with a key of its own. `settings` go over what it is started with:
/// `confirmationTimeoutMs` is the SDK's, `scheme` what its exact scheme takes, `sponsoring` the extensions that it has.
pub async fn facilitator(bed: &Bed, chains: &[u64], settings: Value) -> Program {
    let chains = chains.iter().map(|id| json!({ "id": id, "rpc": bed.chain(*id).http_url() }));
    let mut config = json!({ "key": bed.settler().private_key(), "chains": chains.collect::<Vec<_>>() });
    for (name, value) in settings.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    bed.program("facilitator", &config).await
}

/// A facilitator on Solana, with a key of its own.
pub async fn solana_facilitator(bed: &Bed) -> Program {
    let chain = bed.solana();
    let settings = json!({ "network": chain.caip2(), "rpc": chain.http_url(), "key": bed.solana_settler().private_key() });
    bed.program("facilitator", &json!({ "solana": settings })).await
}

/// An Express server that sells `GET /paid` for a deal's price, settled by `facilitator`.
pub async fn server(bed: &Bed, deal: &impl Terms, facilitator: &str) -> Program {
    bed.program("server", &config(deal, facilitator)).await
}

/// The same, whose handler calls `POST <hook>/<payer>` before it serves.
pub async fn server_with_hook(bed: &Bed, deal: &Deal, facilitator: &str, hook: &str) -> Program {
    let mut config = config(deal, facilitator);
    config["hook"] = json!(hook);
    bed.program("server", &config).await
}

/// A server that sells `GET /paid` for up to a deal's price by `upto`, whose handler uses `charge` of it, and offers these
/// extensions.
pub async fn metered_server(
    bed: &Bed,
    deal: &Deal,
    facilitator: &str,
    charge: u64,
    extensions: Value,
) -> Program {
    let mut config = config(deal, facilitator);
    let route = &mut config["routes"]["GET /paid"];
    route["accepts"]["scheme"] = json!("upto");
    route["extensions"] = extensions;
    config["charge"] = json!(charge.to_string());
    bed.program("server", &config).await
}

/// A server that sells `GET /paid` by Permit2, and offers these extensions.
pub async fn permit2_server(bed: &Bed, deal: &Deal, facilitator: &str, extensions: Value) -> Program {
    let mut config = config(deal, facilitator);
    let route = &mut config["routes"]["GET /paid"];
    let spec = deal.chain.spec();
    route["accepts"]["price"] = json!({
        "asset": deal.asset(),
        "amount": deal.amount.to_string(),
        "extra": { "assetTransferMethod": "permit2", "name": spec.usdc_name, "version": ChainSpec::USDC_VERSION },
    });
    route["extensions"] = extensions;
    bed.program("server", &config).await
}

fn config(deal: &impl Terms, facilitator: &str) -> Value {
    let accepts = json!({
        "scheme": "exact",
        "network": deal.network(),
        "payTo": deal.pay_to(),
        "price": deal.dollars(),
    });
    let route = json!({ "accepts": accepts, "description": "a test", "mimeType": "application/json" });
    json!({ "facilitator": facilitator, "routes": { "GET /paid": route } })
}

/// How an order to the reference client looks that pays for `url`; more fields may be set.
pub fn pay(deal: &impl Terms, url: &str) -> Value {
    json!({ "do": "pay", "url": url, "key": deal.payer_key(), "rpc": deal.node_url() })
}
