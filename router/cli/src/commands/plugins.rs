//! `tollway plugins`: what this build can speak.

use crate::args::Plugins;
use crate::exit::Outcome;
use crate::out;
use tollway::core::Plugin;
use tollway::plugins::PLUGINS;

pub(crate) fn run(args: &Plugins) -> Outcome {
    if args.json {
        return out::json(&json());
    }
    for plugin in PLUGINS {
        match plugin {
            Plugin::Scheme(scheme) => {
                let flows: Vec<_> = scheme.capability.flows.iter().map(|f| f.as_str()).collect();
                out::line(format_args!(
                    "scheme   {}  pays {}  sells {}  settles {}  flows {}",
                    scheme.id,
                    yes(scheme.payer.is_some()),
                    yes(scheme.seller.is_some()),
                    yes(scheme.settler.is_some()),
                    flows.join(", ")
                ))?;
            }
            Plugin::Family(family) => {
                out::line(format_args!("networks {}", family.namespace))?;
                for network in family.networks {
                    let tokens: Vec<_> =
                        family.assets.iter().filter(|a| a.chain == network.chain).map(|a| a.symbol).collect();
                    let kind = if network.testnet { "testnet" } else { "mainnet" };
                    out::line(format_args!(
                        "         {:<18} {:<18} {kind}  {}",
                        network.chain,
                        network.title,
                        tokens.join(", ")
                    ))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn json() -> serde_json::Value {
    let schemes = PLUGINS.iter().filter_map(|p| match p {
        Plugin::Scheme(s) => Some(serde_json::json!({
            "id": s.id.to_string(),
            "scheme": s.id.scheme,
            "namespace": s.id.namespace,
            "methods": s.id.methods,
            "flows": s.capability.flows,
            "roles": { "payer": s.payer.is_some(), "seller": s.seller.is_some(), "settler": s.settler.is_some() },
        })),
        _ => None,
    });
    let families = PLUGINS.iter().filter_map(|p| match p {
        Plugin::Family(f) => Some(f),
        _ => None,
    });
    let networks: Vec<_> = families
        .flat_map(|f| f.networks)
        .map(|n| {
            serde_json::json!({
                "network": n.chain, "title": n.title, "v1_name": n.v1_name, "testnet": n.testnet,
            })
        })
        .collect();
    serde_json::json!({ "schemes": schemes.collect::<Vec<_>>(), "networks": networks })
}
