//! The scheme on two simulated chains, with the same two tokens at the same addresses on both.

use crate::key::CountingKey;
use alloy::primitives::{Address, U256};
use alloy::signers::Signer;
use std::sync::Arc;
use tollway_core::{AssetId, Family, Json, Order, Result, SchemeEntry};
use tollway_evm::permit2::PERMIT2;
use tollway_evm::sim::{SimEvm, SimToken};
use tollway_evm::{FAMILY, address};
use tollway_testkit::fault::FaultPlan;
use tollway_testkit::sim::{Mined, SimChain};
use tollway_testkit::suite::scheme::{Person, Place, SimPlace, Stand};

const SECRET: [u8; 32] = [0x5a; 32];
const CHAINS: [&str; 2] = ["eip155:8453", "eip155:10"];
const TOKENS: [Address; 2] = [Address::repeat_byte(0xd0), Address::repeat_byte(0xe0)];

/// The scheme on simulated chains whose nodes are as bad as told.
#[derive(Clone, Copy)]
pub(crate) struct OnSim(FaultPlan);

impl OnSim {
    pub(crate) const fn calm() -> Self {
        Self(FaultPlan::NONE)
    }
}

fn deploy(chain: &SimChain) -> Result<[AssetId; 2]> {
    let payer = address::account(chain.id(), &CountingKey::new(&SECRET).address())?;
    let token = |at| SimToken::new(chain.id(), chain_id(chain), at, "Test Dollar", "1");
    let tokens = TOKENS.map(|at| token(at).open_to(PERMIT2));
    let assets = [tokens[0].asset()?, tokens[1].asset()?];
    SimEvm::deploy(chain, tokens)?;
    assets.iter().try_for_each(|asset| chain.endow(&payer, asset, 1_000_000_000))?;
    Ok(assets)
}

fn chain_id(chain: &SimChain) -> u64 {
    chain.id().reference().parse().unwrap()
}

/// The user vouches for the tokens, as for any that is in no table.
fn settings() -> serde_json::Value {
    let token = |chain: &str, at: &Address| serde_json::json!({"chain": chain, "address": at.to_string()});
    let tokens: Vec<_> = CHAINS.iter().flat_map(|c| TOKENS.iter().map(move |t| token(c, t))).collect();
    serde_json::json!({ "permit2": { "tokens": tokens } })
}

/// How many transactions have used the permit in this payload, by their call data.
fn settled(chain: &SimChain, payload: &Json) -> usize {
    let said = payload.value();
    let nonce = said["permit2Authorization"]["nonce"].as_str().unwrap_or_default();
    let nonce = nonce.parse::<U256>().unwrap_or_default().to_be_bytes::<32>();
    let used = |tx: &Mined| tx.output.is_ok() && tx.call.input.windows(32).any(|word| word == nonce);
    chain.transactions().iter().filter(|tx| used(tx)).count()
}

/// True when one is the other with its signature made compact (EIP-2098): with `v` cut off, where that says nothing.
pub(crate) fn compacted(signed: &Json, changed: &Json) -> bool {
    let (signed, changed) = (signed.value(), changed.value());
    let text = |payload: &serde_json::Value| payload["signature"].as_str().unwrap_or_default().to_owned();
    let terms = "permit2Authorization";
    signed[terms] == changed[terms] && text(&signed) == text(&changed) + "1b"
}

impl Stand for OnSim {
    fn entry(&self) -> SchemeEntry {
        tollway_exact_permit2::ENTRY
    }
    fn family(&self) -> Family {
        FAMILY
    }

    fn place(&self, seed: u64) -> Place {
        let key = Arc::new(CountingKey::new(&SECRET));
        let signed = key.signed.clone();
        let paid = |chain: &SimChain, order: &Order| settled(chain, &order.payment.payload);
        let place = SimPlace::new(seed, CHAINS, deploy).unwrap();
        let place = place.settings(settings()).secret("the payer's key", &SECRET).signatures(signed);
        let place = place.faults(self.0).handles(move |node, person| {
            let evm = SimEvm::new(node).unwrap();
            Arc::new(if person == Person::Payer { evm.payer(key.clone()) } else { evm }).handle()
        });
        place.build(paid).unwrap()
    }

    fn unprintable(&self) -> &'static [&'static str] {
        &["/signature"]
    }
    fn same_payment(&self, signed: &Json, changed: &Json) -> bool {
        compacted(signed, changed)
    }
}
