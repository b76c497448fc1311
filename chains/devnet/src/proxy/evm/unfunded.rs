//! Calls from accounts without native coin, on rollups.
//!
//! anvil takes the L1 data fee also in `eth_call` and `eth_estimateGas`, and so refuses both to whoever cannot pay
//! it. Real nodes charge nothing for a call that names no gas price. Such a call is repeated here with a balance put
//! under the caller for its duration. Calls that name no caller need no repeating: the genesis funds address zero.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::call::Call;
use super::l1::field;

/// Plenty, and far from overflowing.
const BALANCE: &str = "0xffffffffffffffffffffffff";

/// What anvil says to a caller without coin.
const REFUSAL: &[u8] = b"-32003";

/// The call to make instead, if this answer refused one that a real node would serve.
pub(super) fn again(call: &Call<'_>, answer: &[u8]) -> Option<Bytes> {
    if !matches!(&*call.method, "eth_call" | "eth_estimateGas") || !refused(answer) {
        return None;
    }
    let mut params: Vec<Value> = serde_json::from_str(call.raw_params()).ok()?;
    let request = params.first()?;
    let named = ["gasPrice", "maxFeePerGas", "value"];
    if named.iter().any(|name| field(request, name) > 0) {
        return None;
    }
    let caller = request.get("from")?.as_str()?.to_owned();
    if params.len() < 2 {
        params.push(json!("latest"));
    }
    if params.len() < 3 {
        params.push(json!({}));
    }
    if params[2].is_null() {
        params[2] = json!({});
    }
    params[2].as_object_mut()?.entry(caller).or_insert_with(|| json!({}))["balance"] = json!(BALANCE);
    Some(
        json!({"jsonrpc": "2.0", "id": call.id(), "method": call.method, "params": params})
            .to_string()
            .into(),
    )
}

/// Whether an answer to a batch holds such a refusal.
pub(super) fn refused_anywhere(answer: &[u8]) -> bool {
    answer.windows(REFUSAL.len()).any(|window| window == REFUSAL)
}

fn refused(answer: &[u8]) -> bool {
    refused_anywhere(&answer[..answer.len().min(120)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &[u8] =
        br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"Insufficient funds"}}"#;

    fn repeated(body: &str, answer: &[u8]) -> Option<String> {
        let again = again(&Call::read(body.as_bytes()).unwrap(), answer)?;
        Some(String::from_utf8(again.to_vec()).unwrap())
    }

    #[test]
    fn a_free_call_is_repeated_with_a_balance() {
        let body = r#"{"id":7,"method":"eth_call","params":[{"from":"0xab"},"0x5",{"0xcd":{"code":"0x"}}]}"#;
        let again = repeated(body, REFUSED).unwrap();
        for part in [r#""id":7"#, r#""0xab":{"balance":"#, r#""0xcd":{"code":"0x"}"#, r#""0x5""#] {
            assert!(again.contains(part), "{again}");
        }
    }

    #[test]
    fn a_call_that_must_pay_and_one_that_worked_are_left_alone() {
        let paying = r#"{"id":7,"method":"eth_call","params":[{"from":"0xab","gasPrice":"0x1"},"latest"]}"#;
        assert_eq!(repeated(paying, REFUSED), None);
        let free = r#"{"id":7,"method":"eth_call","params":[{"from":"0xab"},"latest"]}"#;
        assert_eq!(repeated(free, br#"{"jsonrpc":"2.0","id":7,"result":"0x"}"#), None);
    }
}
