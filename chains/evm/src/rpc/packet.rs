//! What requests ask, and what answers tell about the node that gave them.

use alloy::primitives::U64;
use alloy::rpc::json_rpc::{Id, Request, RequestPacket, Response, ResponsePacket, ResponsePayload};
use alloy::transports::TransportError;
use serde::Deserialize;

/// The id of the question that is added to a request. Numbers are the callers'.
const PROBE: &str = "tollway-head";

/// True when it brings a transaction: then a second node is asked only when nothing left for the first.
pub(super) fn sends(packet: &RequestPacket) -> bool {
    packet.method_names().any(|method| method.starts_with("eth_send"))
}

/// The same request, with a question for the node's newest block beside it.
pub(super) fn probed(packet: RequestPacket, turn: u64) -> Result<RequestPacket, TransportError> {
    let id = Id::String(format!("{PROBE}-{turn}"));
    let probe = Request::new("eth_blockNumber", id, ()).serialize().map_err(TransportError::ser_err)?;
    let mut packet = packet;
    packet.push(probe);
    Ok(packet)
}

/// Takes the answer to that question out again; `single` as the caller wants it.
pub(super) fn unprobed(packet: ResponsePacket, single: bool) -> (Option<ResponsePacket>, Option<u64>) {
    let mut head = None;
    let mut rest = Vec::new();
    for response in responses(packet) {
        match &response.id {
            Id::String(id) if id.starts_with(PROBE) => head = number(&response),
            _ => rest.push(response),
        }
    }
    let packet = match (single, rest.len()) {
        (true, 1) => rest.pop().map(ResponsePacket::Single),
        (true, _) => None,
        (false, _) => Some(ResponsePacket::Batch(rest)),
    };
    (packet, head)
}

/// True when the node says that it cannot serve this now, in words that do not concern the question.
pub(super) fn overloaded(packet: &ResponsePacket) -> bool {
    let each = |response: &Response| match &response.payload {
        ResponsePayload::Failure(error) => {
            error.is_retry_err() || (error.code == -32603 && error.as_revert_data().is_none())
        }
        ResponsePayload::Success(_) => false,
    };
    answers(packet).iter().any(each)
}

/// Words of nodes whose newest block was another by the time they read its state, or that sit behind one balancer and do
/// not all have it yet. Anvil, Geth, Reth, Erigon, Nethermind and Besu, in this order.
const MOVED: [&str; 7] = [
    "blockoutofrange",
    "header not found",
    "missing trie node",
    "block not found",
    "unknown block",
    "no state available",
    "world state unavailable",
];

/// True when the node chose a block and could not read it any more, or not yet: asked again, it chooses another.
pub(super) fn moved_on(packet: &ResponsePacket) -> bool {
    answers(packet).iter().any(|response| match &response.payload {
        ResponsePayload::Failure(error) if error.as_revert_data().is_none() => {
            let words = error.message.to_ascii_lowercase();
            MOVED.iter().any(|said| words.contains(said))
        }
        _ => false,
    })
}

/// The newest block that the answers show.
pub(super) fn newest(asked: &RequestPacket, packet: &ResponsePacket) -> Option<u64> {
    let answers = answers(packet);
    let shown = asked.requests().iter().filter_map(|request| {
        let answer = || answers.iter().find(|answer| answer.id == *request.id());
        match request.method() {
            "eth_blockNumber" => number(answer()?),
            "eth_sendRawTransactionSync" | "eth_getTransactionReceipt" => {
                let landed: Landed = read(answer()?)?;
                landed.block_number.map(|n| n.to())
            }
            _ => None,
        }
    });
    shown.max()
}

/// The part of a receipt that tells how far its node is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Landed {
    block_number: Option<U64>,
}

fn number(answer: &Response) -> Option<u64> {
    read::<U64>(answer).map(|n| n.to())
}

fn read<'a, T: Deserialize<'a>>(answer: &'a Response) -> Option<T> {
    match &answer.payload {
        ResponsePayload::Success(raw) => serde_json::from_str(raw.get()).ok(),
        ResponsePayload::Failure(_) => None,
    }
}

fn answers(packet: &ResponsePacket) -> &[Response] {
    match packet {
        ResponsePacket::Single(one) => std::slice::from_ref(one),
        ResponsePacket::Batch(all) => all,
    }
}

fn responses(packet: ResponsePacket) -> Vec<Response> {
    match packet {
        ResponsePacket::Single(one) => vec![one],
        ResponsePacket::Batch(all) => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &'static str) -> RequestPacket {
        RequestPacket::Single(Request::new(method, Id::Number(7), ()).serialize().unwrap())
    }

    #[test]
    fn a_probe_comes_out_as_it_went_in() {
        let packet = probed(asked("eth_call"), 3).unwrap();
        assert_eq!(packet.method_names().collect::<Vec<_>>(), ["eth_call", "eth_blockNumber"]);
        let answer = r#"[{"jsonrpc":"2.0","id":"tollway-head-3","result":"0x10"},{"jsonrpc":"2.0","id":7,"result":"0x"}]"#;
        let (rest, head) = unprobed(serde_json::from_str(answer).unwrap(), true);
        assert_eq!(head, Some(16));
        assert!(matches!(rest, Some(ResponsePacket::Single(one)) if one.id == Id::Number(7)));
        let alone = r#"[{"jsonrpc":"2.0","id":"tollway-head-3","result":"0x10"}]"#;
        assert!(unprobed(serde_json::from_str(alone).unwrap(), true).0.is_none());
    }

    #[test]
    fn receipts_and_heads_show_how_far_a_node_is() {
        let answer = |result: &str| -> ResponsePacket {
            serde_json::from_str(&format!(r#"{{"jsonrpc":"2.0","id":7,"result":{result}}}"#)).unwrap()
        };
        assert_eq!(newest(&asked("eth_blockNumber"), &answer(r#""0x5""#)), Some(5));
        let receipt = asked("eth_getTransactionReceipt");
        assert_eq!(newest(&receipt, &answer(r#"{"blockNumber":"0x6","logs":[]}"#)), Some(6));
        assert_eq!(newest(&receipt, &answer("null")), None);
        assert_eq!(newest(&asked("eth_call"), &answer(r#""0x5""#)), None);
    }

    fn error(code: i64, words: &str, data: &str) -> ResponsePacket {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":7,"error":{{"code":{code},"message":"{words}"{data}}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_node_that_moved_on_is_told_from_one_that_says_no() {
        assert!(moved_on(&error(-32602, "BlockOutOfRangeError: block height is 9 but requested was 8", "")));
        assert!(moved_on(&error(-32000, "missing trie node ab12 (path ) <nil>", "")));
        assert!(moved_on(&error(-32001, "Block not found: 0x9", "")));
        assert!(!moved_on(&error(3, "execution reverted: block not found", r#","data":"0x08c379a0""#)));
        assert!(!moved_on(&error(-32000, "insufficient funds", "")));
    }

    #[test]
    fn only_what_is_not_about_the_question_sends_us_elsewhere() {
        assert!(overloaded(&error(-32603, "internal error", "")));
        assert!(overloaded(&error(-32005, "project rate limit", "")));
        assert!(!overloaded(&error(3, "execution reverted", r#","data":"0x08c379a0""#)));
        assert!(!overloaded(&error(-32000, "insufficient funds", "")));
        assert!(sends(&asked("eth_sendRawTransactionSync")) && !sends(&asked("eth_call")));
    }
}
