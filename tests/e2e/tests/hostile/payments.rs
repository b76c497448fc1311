//! Payments that are not what they should be.

use alloy::primitives::{Address, U256};
use reqwest::Client;
use serde_json::{Value, json};
use tollway::evm::LocalKey;
use tollway_devnet::ChainSpec;
use tollway_e2e::Outcome;
use tollway_e2e::chain::settlements;
use tollway_e2e::header::{Ask, Draft, encode, now_s};
use tollway_e2e::shop::{Setup, Shop};
use tollway_e2e::world::{PRICE, World};

/// What is done to an honest payment.
enum Twist {
    /// Something else is signed.
    Signed(fn(&mut Draft)),
    /// Something is changed that was signed, or stands beside it.
    Altered(fn(&mut Value)),
    /// The header is another text.
    Text(fn(String) -> String),
}
use Twist::{Altered, Signed, Text};

const SIGNATURE: &str = "invalid_exact_evm_payload_signature";
const RECIPIENT: &str = "invalid_exact_evm_payload_recipient_mismatch";
const VALUE: &str = "invalid_exact_evm_payload_authorization_value_mismatch";
const LATE: &str = "invalid_exact_evm_payload_authorization_valid_before";
const EARLY: &str = "invalid_exact_evm_payload_authorization_valid_after";
const STRANGER: &str = "0x000000000000000000000000000000000000dEaD";

fn authorization(payment: &mut Value, field: &str, value: impl Into<Value>) {
    payment["payload"]["authorization"][field] = value.into();
}

/// Another hex digit at the end of what stands there, or in the middle of a signature.
fn flip(value: &mut Value, at: usize) {
    let mut text = value.as_str().unwrap_or_default().to_owned();
    let other = if text.as_bytes()[at] == b'1' { "2" } else { "1" };
    text.replace_range(at..=at, other);
    *value = text.into();
}

const TABLE: &[(&str, &str, Twist)] = &[
    // One field altered, the signature left as it was.
    ("signature, one digit", SIGNATURE, Altered(|p| flip(&mut p["payload"]["signature"], 70))),
    ("signature, too short", SIGNATURE, Altered(|p| p["payload"]["signature"] = "0x1234".into())),
    (
        "signature, v",
        SIGNATURE,
        Altered(|p| {
            let text = p["payload"]["signature"].as_str().unwrap_or_default();
            p["payload"]["signature"] = format!("{}05", &text[..130]).into();
        }),
    ),
    ("signature, a number", "invalid_payload", Altered(|p| p["payload"]["signature"] = 5.into())),
    ("from", SIGNATURE, Altered(|p| authorization(p, "from", STRANGER))),
    ("to", RECIPIENT, Altered(|p| authorization(p, "to", STRANGER))),
    ("value, more", VALUE, Altered(|p| authorization(p, "value", "10001"))),
    ("value, less", VALUE, Altered(|p| authorization(p, "value", "9999"))),
    ("value, nothing", VALUE, Altered(|p| authorization(p, "value", "0"))),
    ("value, negative", "invalid_payload", Altered(|p| authorization(p, "value", "-10000"))),
    ("value, a negative number", "invalid_payload", Altered(|p| authorization(p, "value", -10000))),
    ("value, a fraction", "invalid_payload", Altered(|p| authorization(p, "value", "10000.0"))),
    (
        "value, 2^128 more",
        VALUE,
        Altered(|p| {
            authorization(p, "value", (U256::from(PRICE) + U256::from(1).wrapping_shl(128)).to_string());
        }),
    ),
    (
        "value, above 2^256",
        "invalid_payload",
        Altered(|p| {
            authorization(p, "value", format!("1{}", "0".repeat(78)));
        }),
    ),
    ("validAfter", SIGNATURE, Altered(|p| authorization(p, "validAfter", "1"))),
    ("validBefore", SIGNATURE, Altered(|p| authorization(p, "validBefore", (now_s() + 50).to_string()))),
    ("nonce", SIGNATURE, Altered(|p| flip(&mut p["payload"]["authorization"]["nonce"], 20))),
    ("no nonce", "invalid_payload", Altered(|p| authorization(p, "nonce", Value::Null))),
    ("no authorization", "invalid_payload", Altered(|p| p["payload"]["authorization"] = Value::Null)),
    ("no payload", "invalid_payload", Altered(|p| p["payload"] = Value::Null)),
    (
        "x402Version 1",
        "invalid_x402_version",
        Altered(|p| {
            p["x402Version"] = 1.into();
            p["scheme"] = "exact".into();
            p["network"] = "base".into();
        }),
    ),
    ("x402Version 3", "invalid_x402_version", Altered(|p| p["x402Version"] = 3.into())),
    ("accepted scheme", "no_matching_requirements", Altered(|p| p["accepted"]["scheme"] = "upto".into())),
    (
        "accepted network",
        "no_matching_requirements",
        Altered(|p| p["accepted"]["network"] = "eip155:42161".into()),
    ),
    ("accepted amount", "no_matching_requirements", Altered(|p| p["accepted"]["amount"] = "1".into())),
    ("accepted amount, negative", "invalid_amount", Altered(|p| p["accepted"]["amount"] = "-10000".into())),
    (
        "accepted amount, above 2^128",
        "invalid_amount",
        Altered(|p| {
            p["accepted"]["amount"] = "340282366920938463463374607431768221456".into();
        }),
    ),
    ("accepted asset", "no_matching_requirements", Altered(|p| p["accepted"]["asset"] = STRANGER.into())),
    ("accepted asset, none", "invalid_address", Altered(|p| p["accepted"]["asset"] = "0x12".into())),
    ("accepted payTo", "no_matching_requirements", Altered(|p| p["accepted"]["payTo"] = STRANGER.into())),
    (
        "accepted timeout",
        "no_matching_requirements",
        Altered(|p| p["accepted"]["maxTimeoutSeconds"] = 600.into()),
    ),
    (
        "accepted extra",
        "no_matching_requirements",
        Altered(|p| p["accepted"]["extra"]["name"] = "Other".into()),
    ),
    (
        "accepted flow",
        "no_matching_requirements",
        Altered(|p| {
            p["accepted"]["extra"]["paymentFlow"] = "upfront".into();
        }),
    ),
    ("no accepted", "invalid_payload", Altered(|p| p["accepted"] = Value::Null)),
    // Something else really signed.
    ("over already", LATE, Signed(|d| d.transfer.valid_before = U256::from(now_s() - 1))),
    ("over too soon", LATE, Signed(|d| d.transfer.valid_before = U256::from(now_s() + 4))),
    ("not yet valid", EARLY, Signed(|d| d.transfer.valid_after = U256::from(now_s() + 30))),
    ("never valid", EARLY, Signed(|d| d.transfer.valid_after = U256::MAX)),
    ("for the domain of another name", SIGNATURE, Signed(|d| d.name = "USDC".to_owned())),
    ("for the domain of another version", SIGNATURE, Signed(|d| d.version = "1".to_owned())),
    ("for another chain", SIGNATURE, Signed(|d| d.chain_id = 1)),
    ("for another token", SIGNATURE, Signed(|d| d.token = Address::repeat_byte(7))),
    ("for another payee", RECIPIENT, Signed(|d| d.transfer.to = Address::repeat_byte(7))),
    ("for less", VALUE, Signed(|d| d.transfer.value = U256::from(PRICE - 1))),
    ("for more", VALUE, Signed(|d| d.transfer.value = U256::from(PRICE + 1))),
    ("for all there is", VALUE, Signed(|d| d.transfer.value = U256::MAX)),
    ("for somebody else's account", SIGNATURE, Signed(|d| d.transfer.from = Address::repeat_byte(7))),
    (
        "by somebody without money",
        "insufficient_funds",
        Signed(|d| {
            d.key = LocalKey::from_bytes(&[9; 32]).unwrap_or_else(|_| std::process::abort());
            d.transfer.from = d.key.address();
        }),
    ),
    // The header itself.
    ("not base64", "invalid_payload", Text(|_| "a b!".to_owned())),
    ("url-safe base64", "invalid_payload", Text(|text| format!("{}_-", &text[..text.len() - 2]))),
    ("not JSON", "invalid_payload", Text(|_| base64_simd::STANDARD.encode_to_string("nothing"))),
    ("cut off", "invalid_payload", Text(|text| text[..text.len() / 2 / 4 * 4].to_owned())),
    ("empty", "invalid_payload", Text(|_| String::new())),
    (
        "40 KB of nesting",
        "invalid_payload",
        Text(|_| base64_simd::STANDARD.encode_to_string("[".repeat(20_000) + &"]".repeat(20_000))),
    ),
    (
        "nesting in a part that nobody reads",
        "invalid_payload",
        Text(|text| {
            let json = base64_simd::STANDARD.decode_to_vec(text).unwrap_or_default();
            let mut payment: Value = serde_json::from_slice(&json).unwrap_or_default();
            let mut deep = json!({});
            (0..100).for_each(|_| deep = json!({ "x": deep.take() }));
            payment["extensions"] = deep;
            encode(&payment)
        }),
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_is_refused_by_its_name_and_its_honest_twin_is_served() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let facilitator = world.facilitator(env!("CARGO_BIN_EXE_e2e-facilitator"), 1, 5_000)?;
    facilitator.health().await?;
    let (client, key) = (Client::new(), world.devnet.accounts().payer(0).private_key());
    let shop = Shop::open(&world, &Setup::new("shop", &facilitator.url())).await?;
    let mut wrong = Vec::new();
    for (n, (what, code, twist)) in TABLE.iter().enumerate() {
        let ask = Ask::get(&shop.url, &format!("/8453/a?n={n}"));
        let mut draft = ask.draft(&client, key).await?;
        let twin = encode(&draft.sign());
        let hostile = match twist {
            Signed(twist) => {
                twist(&mut draft);
                encode(&draft.sign())
            }
            Altered(twist) => {
                let mut payment = draft.sign();
                twist(&mut payment);
                encode(&payment)
            }
            Text(twist) => twist(twin.clone()),
        };
        let refused = ask.send(&client, Some(&hostile)).await?;
        if (refused.status, refused.code().as_str()) != (402, *code) || refused.receipt.is_some() {
            wrong.push(format!(
                "{what}: {} {} (want {code}) {}",
                refused.status,
                refused.code(),
                refused.body
            ));
        }
        if shop.runs.total() != n {
            wrong.push(format!("{what}: the handler ran"));
        }
        // The twin has the same nonce: whatever was refused has not burnt it.
        let served = ask.send(&client, Some(&twin)).await?;
        if served.status != 200 || served.transaction().is_none() {
            wrong.push(format!("{what}: its twin got {} {}", served.status, served.body));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let settled = settlements(world.chain()).await?;
    assert_eq!(settled.len(), TABLE.len(), "one for each twin");
    assert!(settled.values().all(|tries| tries.len() == 1 && tries[0].success));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_any_size_are_refused() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let facilitator = world.facilitator(env!("CARGO_BIN_EXE_e2e-facilitator"), 1, 5_000)?;
    facilitator.health().await?;
    let (client, key) = (Client::new(), world.devnet.accounts().payer(0).private_key());
    let shop = Shop::open(&world, &Setup::new("shop", &facilitator.url())).await?;
    let ask = Ask::get(&shop.url, "/8453/a");
    let mut payment = ask.draft(&client, key).await?.sign();
    let twin = encode(&payment);
    payment["extensions"] = json!({ "padding": "x".repeat(100_000) });
    let large = ask.send(&client, Some(&encode(&payment))).await?;
    assert_eq!((large.status, large.code().as_str()), (431, "too_large"), "{large:?}");
    // Beyond this the server hangs up, or says so itself; our code never sees it.
    let huge = ask.send(&client, Some(&"A".repeat(1 << 20))).await;
    assert!(huge.as_ref().map_or(true, |a| a.status == 431), "{huge:?}");
    let ten = 10 << 20;
    let monster = ask.send(&client, Some(&"A".repeat(ten))).await;
    assert!(monster.as_ref().map_or(true, |a| a.status == 431), "{monster:?}");
    assert_eq!(shop.runs.total(), 0);
    assert_eq!(ask.send(&client, Some(&twin)).await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_signed_for_once() -> Outcome {
    let world = World::start([ChainSpec::BASE]).await?;
    let facilitator = world.facilitator(env!("CARGO_BIN_EXE_e2e-facilitator"), 1, 5_000)?;
    facilitator.health().await?;
    let (client, key) = (Client::new(), world.devnet.accounts().payer(0).private_key());
    let shop = Shop::open(&world, &Setup::new("shop", &facilitator.url())).await?;
    let ask = Ask::get(&shop.url, "/8453/a");
    let mut draft = ask.draft(&client, key).await?;
    assert_eq!(ask.send(&client, Some(&encode(&draft.sign()))).await?.status, 200);
    draft.transfer.valid_before -= U256::from(1);
    let again = ask.send(&client, Some(&encode(&draft.sign()))).await?;
    assert_eq!((again.status, again.code().as_str()), (402, "payment_replayed"), "{again:?}");
    // The facilitator, asked directly, says the same, and sends nothing.
    let body =
        json!({ "x402Version": 2, "paymentPayload": draft.sign(), "paymentRequirements": draft.accepted });
    for (endpoint, key) in [("verify", "invalidReason"), ("settle", "errorReason")] {
        let url = format!("{}/{endpoint}", facilitator.url());
        let answer: Value = client.post(&url).json(&body).send().await?.json().await?;
        let word = answer[key].as_str().unwrap_or_default();
        assert!(["invalid_exact_evm_nonce_already_used", "payment_replayed"].contains(&word), "{answer}");
    }
    assert_eq!((shop.runs.total(), settlements(world.chain()).await?.len()), (1, 1));
    Ok(())
}
