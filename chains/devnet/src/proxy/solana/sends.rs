//! What a real node says to a transaction that it does not take.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::call::Call;
use super::wire;

/// What surfpool says to a transaction that it has already, and to one with a bad signature.
const KNOWN: &str = "already been processed";
const UNSIGNED: &str = "did not pass signature verification";

/// The answer to `sendTransaction` as a real node would give it.
pub(super) fn correct(call: &Call<'_>, answer: Bytes) -> Bytes {
    let Ok(read) = serde_json::from_slice::<Value>(&answer) else { return answer };
    let said = read["error"]["message"].as_str().unwrap_or_default();
    if said.contains(UNSIGNED) {
        return call.refuse(-32003, "Transaction signature verification failure");
    }
    if !said.contains(KNOWN) {
        return answer;
    }
    match name(call) {
        Some(name) if skips_preflight(call) => call.answer(&Value::from(name).to_string()),
        _ => known_already(call),
    }
}

/// The name of the transaction in a call that sends it.
pub(super) fn name(call: &Call<'_>) -> Option<String> {
    let config = call.param(1).unwrap_or_default();
    wire::name(&wire::decode(call.param(0)?.as_str()?, config["encoding"].as_str())?)
}

fn skips_preflight(call: &Call<'_>) -> bool {
    call.param(1).is_some_and(|config| config["skipPreflight"] == json!(true))
}

fn known_already(call: &Call<'_>) -> Bytes {
    let error = json!({
        "code": -32002,
        "message": "Transaction simulation failed: This transaction has already been processed",
        "data": {
            "accounts": null, "err": "AlreadyProcessed", "innerInstructions": null, "loadedAccountsDataSize": 0,
            "logs": [], "replacementBlockhash": null, "returnData": null, "unitsConsumed": 0,
        },
    });
    json!({"jsonrpc": "2.0", "id": call.id(), "error": error}).to_string().into()
}
