//! A scheme on two simulated chains, with the same two tokens at the same addresses on both.

use crate::{Cell, CountingKey, Pairs};
use alloy::primitives::Address;
use alloy::signers::Signer;
use serde_json::{Value, json};
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
/// The tokens' EIP-712 domain.
const NAME: &str = "Test Dollar";
const VERSION: &str = "1";

/// The scheme on simulated chains whose nodes are as bad as told.
#[derive(Debug, Clone, Copy)]
pub struct OnSim(pub Cell, pub FaultPlan);

fn deploy(chain: &SimChain) -> Result<[AssetId; 2]> {
    let payer = address::account(chain.id(), &CountingKey::new(&SECRET).address())?;
    let id = chain.id().reference().parse().expect("an EVM chain's id");
    let tokens = TOKENS.map(|at| SimToken::new(chain.id(), id, at, NAME, VERSION).open_to(PERMIT2));
    let assets = [tokens[0].asset()?, tokens[1].asset()?];
    SimEvm::deploy(chain, tokens)?;
    assets.iter().try_for_each(|asset| chain.endow(&payer, asset, 1_000_000_000))?;
    Ok(assets)
}

/// The user vouches for the tokens, as for any that is in no table.
fn tokens() -> Vec<Value> {
    let token = |chain: &str, at: &Address| json!({"chain": chain, "address": at.to_string(), "name": NAME, "version": VERSION});
    CHAINS.iter().flat_map(|chain| TOKENS.iter().map(move |at| token(chain, at))).collect()
}

impl Stand for OnSim {
    fn entry(&self) -> SchemeEntry {
        self.0.entry
    }
    fn family(&self) -> Family {
        FAMILY
    }

    fn place(&self, seed: u64) -> Place {
        let key = Arc::new(CountingKey::new(&SECRET));
        let (signed, nonce) = (key.signed(), self.0.nonce);
        // How many transactions have used the nonce in this payload, by their call data.
        let paid = move |chain: &SimChain, order: &Order| {
            let nonce = nonce(&order.payment.payload);
            let used = |tx: &Mined| tx.output.is_ok() && tx.call.input.windows(32).any(|word| word == nonce);
            chain.transactions().iter().filter(|tx| used(tx)).count()
        };
        let place = SimPlace::new(seed, CHAINS, deploy).expect("two chains");
        let place = place.settings((self.0.settings)(tokens()));
        let place = place.secret("the payer's key", &SECRET).signatures(signed);
        let place = place.faults(self.1).handles(move |node, person| {
            let evm = SimEvm::new(node).expect("an EVM chain");
            Arc::new(if person == Person::Payer { evm.payer(key.clone()) } else { evm }).handle()
        });
        place.build(paid).expect("a place")
    }

    fn unprintable(&self) -> &'static [&'static str] {
        &["/signature"]
    }
    fn same_payment(&self, signed: &Json, changed: &Json) -> bool {
        (self.0.same_payment)(signed, changed)
    }
    fn bound_extra(&self) -> Pairs {
        self.0.bound_extra
    }
}
