//! A JSON-RPC node that answers from a case, behind alloy's own client.

use crate::case::{Node, Way};
use alloy::primitives::{Bytes, hex};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{
    ErrorPayload, RequestPacket, Response, ResponsePacket, ResponsePayload, SerializedRequest,
};
use alloy::sol_types::SolCall;
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

alloy::sol! {
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Answer { bool success; bytes returnData; }
    function aggregate3(Call3[] calldata calls) external payable returns (Answer[] memory returnData);
}

const MULTICALL: &str = "0xca11bde05977b3631167028862be2a173976ca11";
const FEE_ORACLE: &str = "0x420000000000000000000000000000000000000f";
const ARB_GAS_INFO: &str = "0x000000000000000000000000000000000000006c";
const ARB_SYS: &str = "0x0000000000000000000000000000000000000064";
const NODE_INTERFACE: &str = "0x00000000000000000000000000000000000000c8";

/// A node whose answers can be changed between looks.
#[derive(Clone)]
pub(crate) struct Scripted {
    chain_id: u64,
    node: Arc<Mutex<Node>>,
}

/// What a request wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Chain,
    Fees,
    Feeds,
    Funds,
}

impl Scripted {
    pub(crate) fn new(chain_id: u64, node: Node) -> Self {
        Self { chain_id, node: Arc::new(Mutex::new(node)) }
    }
    pub(crate) fn now(&self, node: &Node) {
        *self.node.lock().unwrap() = node.clone();
    }
    pub(crate) fn client(&self) -> RpcClient {
        RpcClient::new(self.clone(), true)
    }

    fn kind(&self, request: &SerializedRequest) -> Kind {
        match request.method() {
            "eth_chainId" => Kind::Chain,
            "eth_feeHistory" => Kind::Fees,
            "eth_call" => self.kind_of_call(&params(request)),
            other => panic!("the router asked for {other}"),
        }
    }

    fn kind_of_call(&self, params: &Value) -> Kind {
        if address(&params[0]["to"]) == NODE_INTERFACE {
            return Kind::Fees;
        }
        let first = calls(params).first().map(|(to, _)| to.clone()).unwrap_or_default();
        let node = self.node.lock().unwrap();
        match first.as_str() {
            FEE_ORACLE | ARB_GAS_INFO => Kind::Fees,
            feed if node.rounds.contains_key(feed) => Kind::Feeds,
            _ => Kind::Funds,
        }
    }

    fn way(&self, kind: Kind) -> Way {
        let node = self.node.lock().unwrap();
        match kind {
            Kind::Chain => Way::Answers,
            Kind::Fees => node.fees,
            Kind::Feeds => node.feeds,
            Kind::Funds => node.funds,
        }
    }

    fn payload(&self, request: &SerializedRequest) -> ResponsePayload {
        let node = self.node.lock().unwrap();
        let result = match request.method() {
            "eth_chainId" => Some(json!(format!("{:#x}", self.chain_id))),
            "eth_feeHistory" => Some(node.fee_history.clone()),
            _ => {
                let params = params(request);
                if address(&params[0]["to"]) == NODE_INTERFACE {
                    node.arb.get("estimate").cloned().flatten().map(Value::String)
                } else {
                    Some(multicall(&node, &calls(&params)))
                }
            }
        };
        match result {
            Some(result) => ResponsePayload::Success(to_raw_value(&result).unwrap()),
            None => refusal("execution reverted"),
        }
    }

    async fn serve(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let requests: Vec<SerializedRequest> = match &packet {
            RequestPacket::Single(one) => vec![one.clone()],
            RequestPacket::Batch(many) => many.clone(),
        };
        // A way there and back: questions that are asked at once are really under way at once.
        tokio::time::sleep(Duration::from_millis(3)).await;
        match self.way(self.kind(&requests[0])) {
            Way::Silent => std::future::pending().await,
            Way::Broken => Err(TransportErrorKind::custom_str("the line is cut")),
            way => {
                let answer = |request: &SerializedRequest| {
                    let payload =
                        if way == Way::Answers { self.payload(request) } else { refusal("not today") };
                    Response { id: request.id().clone(), payload }
                };
                let mut answers: Vec<Response> = requests.iter().map(answer).collect();
                Ok(match packet {
                    RequestPacket::Single(_) => ResponsePacket::Single(answers.remove(0)),
                    RequestPacket::Batch(_) => ResponsePacket::Batch(answers),
                })
            }
        }
    }
}

impl tower::Service<RequestPacket> for Scripted {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        Box::pin(self.clone().serve(packet))
    }
}

fn refusal(words: &'static str) -> ResponsePayload {
    ResponsePayload::Failure(ErrorPayload::<Box<RawValue>> {
        code: -32_000,
        message: words.into(),
        data: None,
    })
}

fn params(request: &SerializedRequest) -> Value {
    serde_json::from_str(request.params().expect("parameters").get()).unwrap()
}

fn address(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

/// The calls of an `aggregate3`: whom, and with what.
fn calls(params: &Value) -> Vec<(String, Bytes)> {
    assert_eq!(address(&params[0]["to"]), MULTICALL);
    let data = hex::decode(params[0]["data"].as_str().unwrap()).unwrap();
    let calls = aggregate3Call::abi_decode(&data).unwrap().calls;
    calls.into_iter().map(|c| (format!("{:#x}", c.target), c.callData)).collect()
}

fn multicall(node: &Node, calls: &[(String, Bytes)]) -> Value {
    let answers: Vec<Answer> = calls
        .iter()
        .map(|(to, data)| {
            let said = one(node, to, data);
            let data = said.as_deref().map_or_else(Bytes::new, |text| hex::decode(text).unwrap().into());
            Answer { success: said.is_some(), returnData: data }
        })
        .collect();
    json!(hex::encode_prefixed(aggregate3Call::abi_encode_returns(&answers)))
}

/// One call, by the first four bytes of its data.
fn one(node: &Node, to: &str, data: &[u8]) -> Option<String> {
    let selector = hex::encode(&data[..4]);
    let word = |n: u64| Some(format!("0x{n:064x}"));
    if let Some([round, decimals]) = node.rounds.get(to) {
        return if selector == "feaf968c" { round.clone() } else { decimals.clone() };
    }
    match (to, selector.as_str()) {
        // getBlockNumber and getCurrentBlockTimestamp of Multicall3
        (MULTICALL, "42cbb15c") => word(1),
        (MULTICALL, "0f28c97d") => word(node.time_s),
        (ARB_GAS_INFO, _) => node.arb.get("prices").cloned().flatten(),
        (ARB_SYS, _) => node.arb.get("version").cloned().flatten(),
        (FEE_ORACLE, selector) => {
            let name = match selector {
                "519b4bd3" => "l1BaseFee",
                "f8206140" => "blobBaseFee",
                "c5985918" => "baseFeeScalar",
                "68d5dca6" => "blobBaseFeeScalar",
                "960e3a23" => "isFjord",
                "4ef6e224" => "isEcotone",
                // getOperatorFee, of no gas or of much
                _ if data[4..].iter().all(|byte| *byte == 0) => "operatorFeeOfNone",
                _ => "operatorFeeOfMuch",
            };
            node.oracle.get(name).cloned().flatten()
        }
        _ => node.balances.get(to).cloned().flatten(),
    }
}
