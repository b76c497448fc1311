//! Raw 402s: entries that are right, and entries broken in every way that has a reason of its own.

use crate::dice::Dice;
use crate::make::{Token, World};
use serde_json::{Map, Value, json};
use tollway::evm::FAMILY;

type Entry = Map<String, Value>;

pub(crate) fn challenge(world: &World, dice: &mut Dice) -> String {
    let mut accepts: Vec<Value> = Vec::new();
    for _ in 0..dice.between(2, 16) {
        let again = !accepts.is_empty() && dice.chance(if world.twins { 30 } else { 12 });
        accepts.push(if again { again_but(world, &accepts, dice) } else { entry(world, dice) });
    }
    let version = if world.v1 { 1 } else { 2 };
    let text = json!({"x402Version": version, "error": "payment_required", "accepts": accepts}).to_string();
    // Spaces and escapes are the writer's business.
    if dice.chance(20) { text.replace("\":", "\" : ").replace("exact", "ex\\u0061ct") } else { text }
}

/// An entry that is there already, to the letter or to another payee.
fn again_but(world: &World, accepts: &[Value], dice: &mut Dice) -> Value {
    let mut copy = accepts[dice.index(accepts.len())].clone();
    if let Some(entry) = copy.as_object_mut().filter(|_| dice.chance(60)) {
        entry.insert("payTo".to_owned(), json!(payee(world, dice)));
    }
    copy
}

fn payee(world: &World, dice: &mut Dice) -> String {
    let who = dice.pick(&world.payees).clone();
    spelled(&who, dice)
}

fn spelled(address: &str, dice: &mut Dice) -> String {
    match dice.between(0, 3) {
        0 => address.to_uppercase().replace("0X", "0x"),
        1 => address.to_uppercase(),
        _ => address.to_owned(),
    }
}

/// In the token's smallest unit: often the same worth as another entry's.
fn amount(token: &Token, twins: bool, dice: &mut Dice) -> u128 {
    let unit = 10u128.pow(token.decimals.into());
    match dice.between(0, 99) {
        _ if twins => unit / 100,
        0..=54 => (unit / 100).max(1),
        55..=69 => (unit / 1_000).max(1),
        70..=79 => unit / 100 + u128::from(dice.between(0, 3)),
        80..=84 => unit,
        85..=96 => dice.of_any_size(u32::from(token.decimals) + 1),
        97 => 0,
        98 => u128::MAX,
        _ => dice.of_any_size(38),
    }
}

fn entry(world: &World, dice: &mut Dice) -> Value {
    let tokens: Vec<&Token> = world.places.iter().flat_map(|p| &p.tokens).collect();
    let token = match tokens.as_slice() {
        [] => return json!({"scheme": "exact"}),
        some => (*dice.pick(some)).clone(),
    };
    let names = FAMILY.networks.iter().find(|n| n.chain == token.chain).and_then(|n| n.v1_name);
    let network = match names {
        Some(name) if dice.chance(if world.v1 { 80 } else { 5 }) => name.to_owned(),
        _ => token.chain.clone(),
    };
    let mut entry = Entry::new();
    let mut put = |key: &str, value: Value| entry.insert(key.to_owned(), value);
    put("scheme", json!("exact"));
    put("network", json!(network));
    put("asset", json!(spelled(&token.key, dice)));
    put("payTo", json!(payee(world, dice)));
    put("maxTimeoutSeconds", json!(*dice.pick(&[60, 60, 300, 600, 7])));
    let key = if world.v1 != dice.chance(5) { "maxAmountRequired" } else { "amount" };
    put(key, json!(amount(&token, world.twins, dice).to_string()));
    let mut extra = json!({"name": token.domain.0, "version": token.domain.1});
    if dice.chance(15) {
        extra["assetTransferMethod"] = json!("eip3009");
    }
    if dice.chance(15) {
        extra["paymentFlow"] = json!(*dice.pick(&["authorization", "upfront"]));
    }
    put("extra", extra);
    if dice.chance(30) {
        put("outputSchema", json!({"type": "object", "amount": 7}));
        put("description", json!("a page \u{1f4c4}"));
    }
    if world.twins {
        return Value::Object(entry);
    }
    if dice.chance(22) {
        breakage(&mut entry, world, dice);
        if dice.chance(15) {
            breakage(&mut entry, world, dice);
        }
    }
    if dice.chance(1) { odd_whole(&entry, dice) } else { Value::Object(entry) }
}

/// An entry that is no object.
fn odd_whole(entry: &Entry, dice: &mut Dice) -> Value {
    let order =
        ["scheme", "network", "amount", "maxAmountRequired", "asset", "payTo", "maxTimeoutSeconds", "extra"];
    let list: Vec<Value> = order.iter().map(|key| entry.get(*key).cloned().unwrap_or_default()).collect();
    dice.pick(&[Value::Null, json!(7), json!("exact"), json!([]), json!(list), json!(list)]).clone()
}

fn breakage(entry: &mut Entry, world: &World, dice: &mut Dice) {
    let all =
        ["scheme", "network", "asset", "payTo", "maxTimeoutSeconds", "amount", "maxAmountRequired", "extra"];
    let mut put = |key: &str, value: Value| drop(entry.insert(key.to_owned(), value));
    match dice.between(0, 15) {
        0 => {
            let key: &str = dice.pick::<&str>(&all);
            drop(entry.remove(key));
        }
        1 => put(
            dice.pick::<&str>(&all),
            dice.pick(&[json!(7), json!({}), json!([]), json!(true), Value::Null]).clone(),
        ),
        2 => put(
            "scheme",
            json!(*dice.pick(&[
                "upto",
                "",
                "exact ",
                "Exact",
                "exact-and-more-than-thirty-two-bytes",
                "ex\u{e4}ct"
            ])),
        ),
        3 => put("network", json!(*dice.pick(&NETWORKS))),
        4 => put("network", dice.pick(&bare_or_absent(world)).clone()),
        5 => put("asset", json!(*dice.pick(&ADDRESSES))),
        6 => put("payTo", json!(*dice.pick(&ADDRESSES))),
        7 | 8 => put("maxTimeoutSeconds", dice.pick(&timeouts()).clone()),
        9 | 10 => {
            let key = if world.v1 { "maxAmountRequired" } else { "amount" };
            put(key, json!(*dice.pick(&AMOUNTS)));
        }
        11 => put(
            "extra",
            dice.pick(&[json!([]), json!("{}"), json!(1), json!(["T\\F"]), json!({}), Value::Null]).clone(),
        ),
        _ => {
            let Some(extra) = entry.get_mut("extra").and_then(Value::as_object_mut) else { return };
            let (key, value) = dice.pick(&extras()).clone();
            match value {
                Some(value) => drop(extra.insert(key.to_owned(), value)),
                None => drop(extra.remove(key)),
            }
        }
    }
}

const NETWORKS: [&str; 12] = [
    "",
    "base",
    "solana",
    "Base",
    "eip155",
    "eip155:",
    "eip155:08453",
    "eip155:abc",
    "EIP155:1",
    "ab:1",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
    "eip155:123456789012345678901234567890123",
];
const ADDRESSES: [&str; 8] = [
    "",
    "native",
    "0x",
    "833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA0291",
    "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA0291g",
    " 0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02914",
];
const AMOUNTS: [&str; 14] = [
    "",
    "0",
    "00",
    "010000",
    "-1",
    "+1",
    "1.0",
    "1e4",
    "0x10",
    " 1",
    "\u{661}",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "9999999999999999999999999999999999999999",
];

fn bare_or_absent(world: &World) -> Vec<Value> {
    let bare = world.bare.iter().map(|chain| json!(chain));
    bare.chain(["eip155:14", "eip155:1514"].map(|chain| json!(chain))).collect()
}

fn timeouts() -> Vec<Value> {
    [0, 6, 7, 601, 86_400, 86_401, 100_001, u64::MAX]
        .map(|n| json!(n))
        .into_iter()
        .chain([
            json!(-1),
            json!(300.0),
            json!(60.9),
            json!(0.5),
            json!(-0.5),
            json!(1e30),
            json!("60"),
            json!(6.99),
        ])
        .collect()
}

type Extra = (&'static str, Option<Value>);

fn extras() -> Vec<Extra> {
    let odd = [json!(""), json!("USDC"), json!("usd coin"), json!(2), Value::Null, json!({})];
    let names = odd.into_iter().map(|v| ("name", Some(v)));
    let versions =
        ["", "3", "2.0", "02", "v2", "\u{662}"].map(|v| json!(v)).into_iter().chain([json!(2), Value::Null]);
    let versions = versions.map(|v| ("version", Some(v)));
    let methods = [json!("permit2"), json!(""), json!("eip3009 "), json!(7), Value::Null, json!("eip3009")];
    let flows = [
        json!("escrow"),
        json!("upfront"),
        json!("Upfront"),
        json!(""),
        json!(false),
        Value::Null,
        json!("escrow"),
    ];
    names
        .chain(versions)
        .chain([("name", None), ("version", None)])
        .chain(methods.map(|v| ("assetTransferMethod", Some(v))))
        .chain(flows.map(|v| ("paymentFlow", Some(v))))
        .collect()
}
