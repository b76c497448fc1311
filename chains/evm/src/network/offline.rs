//! Transactions of one that another sends: the payer's, signed here and sent by its settler; and the other way round.

use super::EvmNetwork;
use crate::receipt::RawReceipt;
use crate::rpc::RpcFault;
use crate::send::{Offer, unsigned, unsigned_sample};
use crate::{Evm, EvmCall, Mined};
use alloy::consensus::{SignableTransaction, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{B256, Bytes, U64, keccak256};
use std::time::Duration;
use tollway_core::{Blame, Code, Error, Next, Purpose, Result};

/// The shortest pause between two looks for a relayed transaction.
const PAUSE_MS: u64 = 50;
/// Blocks that a relayed transaction may take.
const PATIENCE_BLOCKS: u64 = 10;
/// And at least so long.
const PATIENCE_MS: u64 = 20_000;

/// Signed at the nonce that the chain has next, which is the one that it must carry when it is sent.
pub(super) async fn sign_call(network: &EvmNetwork, call: &EvmCall, gas_limit: u64) -> Result<Bytes> {
    let signer = network.signer()?;
    let fees = network.market.warm(&network.tasks).await?;
    let offer = Offer {
        max_fee_wei: fees.max_fee_wei(Purpose::Interactive),
        tip_wei: fees.tips_wei.of(Purpose::Interactive),
    };
    let nonce: U64 = network.rpc.call("eth_getTransactionCount", (signer.address(), "latest")).await?;
    let sample = unsigned_sample(network.profile.chain_id, call, gas_limit, Some(offer));
    let gas_limit = gas_limit.saturating_add(fees.l1_gas(network.market.sizes(), &sample)?);
    let tx = unsigned(network.profile.chain_id, nonce.to(), call, gas_limit, offer);
    let signature = signer.sign_call(&tx).await?;
    Ok(TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into())
}

/// Sends the bytes and looks for their receipt. A node that has them already, or a nonce that is used up, are no errors:
/// the receipt tells. That no node takes them, or no block, is the doing of whoever signed them.
pub(super) async fn relay(network: &EvmNetwork, raw: &Bytes) -> Result<Mined> {
    let hash = keccak256(raw);
    let sent = network.rpc.ask::<_, B256>("eth_sendRawTransaction", (raw,)).await;
    let block_ms = u64::from(network.profile.block_ms);
    let pause = Duration::from_millis((block_ms / 4).max(PAUSE_MS));
    let patience = Duration::from_millis(block_ms.saturating_mul(PATIENCE_BLOCKS).max(PATIENCE_MS));
    // One that was refused is looked for once: perhaps it is there already.
    let tries = match &sent {
        Ok(_) => patience.as_millis().checked_div(pause.as_millis()).unwrap_or(1).max(1),
        Err(_) => 2,
    };
    for _ in 0..tries {
        let receipt: Option<RawReceipt> = network.rpc.call("eth_getTransactionReceipt", (hash,)).await?;
        if let Some(receipt) = receipt.filter(|r| r.transaction_hash == hash && r.block().is_some()) {
            return receipt.mined(network.market.newest().as_deref());
        }
        tokio::time::sleep(pause).await;
    }
    // The node's own words tell where it is, and whoever signed this gets to hear ours.
    let unwanted = |code, words: String| Error::new(code, Blame::Payer, Next::Later).detail(words);
    Err(match sent {
        Err(RpcFault::Refused(no)) => {
            tracing::info!(target: "tollway_evm", %hash, code = no.code, words = %no.message, "a node refuses what another has signed");
            unwanted(Code::RpcRefused, format!("no node takes {hash}"))
        }
        Err(fault) => fault.error("eth_sendRawTransaction", network.rpc.place()),
        Ok(_) => unwanted(Code::TimedOut, format!("{hash} is in no block after {} ms", patience.as_millis())),
    })
}
