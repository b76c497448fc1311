//! A chain's node that answers from memory: the transport under the real `EvmNetwork`, so that tariffs, balances and
//! samples here are made by the code that makes them in production.

use crate::NOW_S;
use alloy::primitives::{Bytes, U256};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::sol;
use alloy::sol_types::SolCall;
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tower_service::Service;

sol! {
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Answer { bool success; bytes returnData; }
    function aggregate3(Call3[] calldata calls) external payable returns (Answer[] memory returnData);
    function getCurrentBlockTimestamp() external view returns (uint256 timestamp);
    function balanceOf(address owner) external view returns (uint256);
    function l1BaseFee() external view returns (uint256);
    function blobBaseFee() external view returns (uint256);
    function baseFeeScalar() external view returns (uint32);
    function blobBaseFeeScalar() external view returns (uint32);
    function getOperatorFee(uint256 gasUsed) external view returns (uint256);
    function getPricesInWei() external view returns (uint256, uint256, uint256, uint256, uint256, uint256);
    function gasEstimateL1Component(address to, bool contractCreation, bytes calldata data) external payable
        returns (uint64, uint256, uint256);
}

/// One chain's node.
#[derive(Debug, Clone)]
pub struct Node {
    chain_id: u64,
    asked: Arc<AtomicU64>,
}

impl Node {
    /// A node of this chain. Every request that reaches it is counted in `asked`.
    pub fn new(chain_id: u64, asked: Arc<AtomicU64>) -> Self {
        Self { chain_id, asked }
    }

    /// A client over it.
    pub fn client(self) -> RpcClient {
        RpcClient::new(self, true)
    }

    fn answer(&self, method: &str, params: &Value) -> Value {
        match method {
            "eth_chainId" => json!(format!("{:#x}", self.chain_id)),
            "eth_feeHistory" => json!({
                "oldestBlock": "0x64",
                "baseFeePerGas": vec![format!("{:#x}", 5_000_000 + self.chain_id % 1_000); 6],
                "gasUsedRatio": [0.5, 0.5, 0.5, 0.5, 0.5],
                "reward": vec![["0x1e8480", "0x2dc6c0", "0x3d0900"]; 5],
            }),
            "eth_call" => {
                let data = params.pointer("/0/data").and_then(Value::as_str).unwrap_or("0x");
                json!(called(&data.parse().unwrap_or_default()))
            }
            _ => Value::Null,
        }
    }

    fn reply(&self, request: &Value) -> Value {
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let result = self.answer(method, request.get("params").unwrap_or(&Value::Null));
        json!({ "jsonrpc": "2.0", "id": request.get("id"), "result": result })
    }

    fn exchange(&self, packet: RequestPacket) -> serde_json::Result<ResponsePacket> {
        let reply = match serde_json::from_str(packet.serialize()?.get())? {
            Value::Array(all) => Value::Array(all.iter().map(|one| self.reply(one)).collect()),
            one => self.reply(&one),
        };
        serde_json::from_str(&reply.to_string())
    }
}

/// What a contract returns.
fn called(data: &Bytes) -> Bytes {
    if let Ok(all) = aggregate3Call::abi_decode(data) {
        let answer = |call: Call3| Answer { success: true, returnData: called(&call.callData) };
        return aggregate3Call::abi_encode_returns(&all.calls.into_iter().map(answer).collect()).into();
    }
    let selector: [u8; 4] = data.get(..4).and_then(|s| s.try_into().ok()).unwrap_or_default();
    let words: &[u64] = match selector {
        balanceOfCall::SELECTOR => &[1_000_000_000],
        getCurrentBlockTimestampCall::SELECTOR => &[NOW_S],
        l1BaseFeeCall::SELECTOR => &[5_000_000_000],
        blobBaseFeeCall::SELECTOR => &[300_000_000],
        baseFeeScalarCall::SELECTOR => &[2_269],
        blobBaseFeeScalarCall::SELECTOR => &[1_055_762],
        getOperatorFeeCall::SELECTOR => &[0],
        getPricesInWeiCall::SELECTOR => &[1, 3_200_000_000, 3, 4, 5, 6],
        gasEstimateL1ComponentCall::SELECTOR => &[31_000, 20_000_000, 200_000_000],
        _ => &[1],
    };
    words.iter().flat_map(|word| U256::from(*word).to_be_bytes::<32>()).collect::<Vec<u8>>().into()
}

impl Service<RequestPacket> for Node {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let reply = self.exchange(packet).map_err(TransportErrorKind::custom);
        Box::pin(async move { reply })
    }
}
