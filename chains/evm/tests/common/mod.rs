//! What the integration tests share: a clock, a chain, and payments to send.
#![allow(dead_code, unreachable_pub, missing_docs)]

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol;
use alloy::sol_types::SolCall;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{ChainId, Clock, Ledger, Purpose, Time, async_trait};
use tollway_devnet::{Chain, ChainSpec, Devnet};
use tollway_evm::eip712::{Transfer, separator};
use tollway_evm::{Builder, EvmCall, EvmNetwork, GasKey, LocalKey, Submit, address};

sol! {
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
        uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
}

/// The wall clock.
pub struct Wall;

#[async_trait]
impl Clock for Wall {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(Wall)
}

pub fn ledger() -> Arc<dyn Ledger> {
    Arc::new(MemoryLedger::new())
}

pub async fn devnet(chains: impl IntoIterator<Item = ChainSpec>) -> Devnet {
    Devnet::builder().chains(chains).keep_fresh(false).start().await.unwrap()
}

pub fn chain_id(chain: &Chain) -> ChainId {
    ChainId::new(&chain.spec().caip2()).unwrap()
}

pub fn key(account: &tollway_devnet::Account) -> Arc<LocalKey> {
    Arc::new(LocalKey::from_hex(account.private_key()).unwrap())
}

pub fn builder(chain: &Chain, ledger: Arc<dyn Ledger>) -> Builder {
    EvmNetwork::builder(ledger, clock()).url(chain.http_url())
}

pub async fn network(devnet: &Devnet, chain: &Chain, ledger: Arc<dyn Ledger>) -> Arc<EvmNetwork> {
    builder(chain, ledger).sender(key(devnet.accounts().settler(0))).connect().await.unwrap()
}

pub fn usdc(chain: &Chain) -> Address {
    address::parse(chain.usdc()).unwrap()
}

/// A signed payment of `value`, the `n`th of its kind.
pub fn payment(devnet: &Devnet, chain: &Chain, n: u64, value: u64) -> EvmCall {
    let from = key(devnet.accounts().payer(usize::try_from(n).unwrap()));
    let to = address::parse(devnet.accounts().merchant(0).address()).unwrap();
    let transfer = Transfer {
        from: from.address(),
        to,
        value: U256::from(value),
        valid_after: U256::ZERO,
        valid_before: U256::from(u32::MAX),
        nonce: keccak256(n.to_be_bytes()),
    };
    let domain = separator(chain.spec().usdc_name, "2", chain.id(), usdc(chain));
    let signature = from.sign(&transfer.digest(&domain));
    let data = transferWithAuthorizationCall {
        from: transfer.from,
        to,
        value: transfer.value,
        validAfter: transfer.valid_after,
        validBefore: transfer.valid_before,
        nonce: transfer.nonce,
        v: 27 + u8::from(signature.v()),
        r: B256::from(signature.r()),
        s: B256::from(signature.s()),
    };
    EvmCall { to: usdc(chain), data: Bytes::from(data.abi_encode()) }
}

pub fn submit(call: EvmCall) -> Submit {
    let learn = Some(GasKey { contract: call.to, what: "transferWithAuthorization" });
    Submit {
        call,
        value_wei: 0,
        gas_limit: 150_000,
        purpose: Purpose::Interactive,
        sender: None,
        not_after: Time::FAR,
        learn,
    }
}
