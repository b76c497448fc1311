//! What nodes say: fee histories, fee contracts, price feeds, balances. Mostly sane, sometimes not.

use crate::case::{Node, Way};
use crate::dice::Dice;
use crate::make::{Place, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GWEI: u128 = 1_000_000_000;

pub(crate) fn node(place: &Place, world: &World, at_ms: u64, dice: &mut Dice) -> Node {
    let twins = world.twins;
    let ways = [way(dice, twins), way(dice, twins), way(dice, twins)];
    let time_s = at_ms / 1_000;
    Node {
        fees: ways[0],
        feeds: ways[1],
        funds: ways[2],
        time_s,
        fee_history: if twins { same_history() } else { history(place, dice) },
        oracle: oracle(dice),
        arb: arb(dice),
        rounds: place
            .all_feeds()
            .into_iter()
            .map(|feed| (feed.clone(), round(place, &feed, time_s, dice)))
            .collect(),
        balances: balances(place, twins, dice),
    }
}

fn way(dice: &mut Dice, twins: bool) -> Way {
    match dice.between(0, 99) {
        _ if twins => Way::Answers,
        0..=1 => Way::Silent,
        2..=3 => Way::Refuses,
        4..=5 => Way::Broken,
        _ => Way::Answers,
    }
}

pub(crate) fn word(n: u128) -> String {
    format!("{n:064x}")
}

fn hex(words: &[String]) -> Option<String> {
    Some(format!("0x{}", words.concat()))
}

fn quantity(n: u128) -> Value {
    json!(format!("{n:#x}"))
}

/// The same market on chains of the same kind: their settlements cost the same.
fn same_history() -> Value {
    let tips: Vec<Value> = [25 * GWEI, 30 * GWEI, 40 * GWEI].map(quantity).to_vec();
    json!({"oldestBlock": "0x10", "baseFeePerGas": [quantity(GWEI), quantity(2 * GWEI)], "reward": [tips]})
}

fn base_fee(place: &Place, dice: &mut Dice) -> u128 {
    let usual = match place.profile.chain_id {
        1 => 5 * GWEI,
        137 => 30 * GWEI,
        _ => GWEI / 100,
    };
    match dice.between(0, 99) {
        0..=1 => 0,
        2 => 1_000_000_000_000_000 + u128::from(dice.between(0, 1)),
        3 => u128::MAX,
        4..=14 => dice.of_any_size(13),
        _ => usual / 2 + u128::from(dice.next()) % usual,
    }
}

fn history(place: &Place, dice: &mut Dice) -> Value {
    let blocks = dice.between(0, 5);
    let fees: Vec<Value> = (0..=blocks).map(|_| quantity(base_fee(place, dice))).collect();
    let mut answer = json!({
        "oldestBlock": quantity(dice.of_any_size(9)),
        "baseFeePerGas": fees,
        "gasUsedRatio": (0..blocks).map(|_| 0.5).collect::<Vec<f64>>(),
    });
    match dice.between(0, 19) {
        0 => {}
        1 => answer["reward"] = Value::Null,
        2 if dice.chance(30) => answer["baseFeePerGas"] = json!([]),
        _ => answer["reward"] = json!((0..blocks).map(|_| rewards(dice)).collect::<Vec<_>>()),
    }
    if dice.chance(1) {
        answer["baseFeePerGas"] = json!((0..1_025).map(|_| "0x1").collect::<Vec<_>>());
    }
    if dice.chance(1) {
        answer["baseFeePerGas"] = json!([format!("0x1{}", "0".repeat(40))]);
    }
    answer
}

fn rewards(dice: &mut Dice) -> Vec<Value> {
    let columns = if dice.chance(5) { dice.between(0, 2) } else { 3 };
    let mut tips: Vec<u128> = (0..columns)
        .map(|_| match dice.between(0, 19) {
            0..=3 => 0,
            4 => u128::MAX,
            5..=7 => dice.of_any_size(12),
            _ => u128::from(dice.between(1, 3_000)) * 1_000_000,
        })
        .collect();
    if dice.chance(80) {
        tips.sort_unstable();
    }
    tips.into_iter()
        .map(|t| if t == u128::MAX { json!(format!("0x1{}", "0".repeat(40))) } else { quantity(t) })
        .collect()
}

fn oracle(dice: &mut Dice) -> BTreeMap<String, Option<String>> {
    let flags = *dice.pick(&[(1, 1), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1), (0, 1), (0, 1), (1, 0), (0, 0)]);
    let constant = if dice.chance(60) { 0 } else { dice.of_any_size(13) };
    let much = constant + if dice.chance(60) { 0 } else { dice.of_any_size(22) };
    let of = [
        ("l1BaseFee", u128::from(dice.between(1, 60)) * GWEI / 3),
        ("blobBaseFee", dice.of_any_size(11)),
        ("baseFeeScalar", u128::from(dice.between(0, 10_000))),
        ("blobBaseFeeScalar", u128::from(dice.between(0, 2_000_000))),
        ("isFjord", flags.0),
        ("isEcotone", flags.1),
        ("operatorFeeOfNone", constant),
        ("operatorFeeOfMuch", much),
    ];
    let mut answers: BTreeMap<String, Option<String>> =
        of.into_iter().map(|(name, n)| (name.to_owned(), hex(&[word(n)]))).collect();
    if dice.chance(8) {
        let (name, _) = *dice.pick(&of);
        let odd = match dice.between(0, 5) {
            0 => None,
            1 => Some("0x".to_owned()),
            2 => Some("0x00ff".to_owned()),
            3 => hex(&[word(7), word(8)]),
            4 => Some(format!("0x{}", "f".repeat(64))),
            _ => hex(&[word(u128::MAX)]),
        };
        answers.insert(name.to_owned(), odd);
    }
    if dice.chance(15) {
        answers.insert("operatorFeeOfNone".to_owned(), None);
        answers.insert("operatorFeeOfMuch".to_owned(), None);
    }
    answers
}

fn arb(dice: &mut Dice) -> BTreeMap<String, Option<String>> {
    let byte_wei = dice.of_any_size(12);
    let prices: Vec<String> = [1, byte_wei, 3, 4, 5, 6].map(word).to_vec();
    let estimate =
        [u128::from(dice.between(0, 400_000)), dice.of_any_size(12), dice.of_any_size(12)].map(word);
    let mut answers = BTreeMap::from([
        ("prices".to_owned(), hex(&prices)),
        ("version".to_owned(), dice.chance(70).then(|| hex(&[word(86)])).flatten()),
        ("estimate".to_owned(), dice.chance(85).then(|| hex(&estimate)).flatten()),
    ]);
    if dice.chance(10) {
        let odd = match dice.between(0, 5) {
            0 => None,
            1 => Some("0x".to_owned()),
            2 => hex(&[word(1), word(2)]),
            3 => hex(&[word(1_u128 << 64), word(1 << 100), word(1), word(1), word(1), word(1)]),
            4 => Some(format!("0x{}", "f".repeat(64 * 6))),
            _ => hex(&[word(200_000), word(u128::MAX), word(1), word(1), word(1), word(1), word(1)]),
        };
        let name = (*dice.pick(&["prices", "version", "estimate"])).to_owned();
        answers.insert(name, odd);
    }
    answers
}

fn round(place: &Place, feed: &str, time_s: u64, dice: &mut Dice) -> [Option<String>; 2] {
    let is = |known: Option<tollway::evm::Feed>| known.is_some_and(|k| format!("{:#x}", k.address) == feed);
    let coin =
        is(place.profile.native_usd) || place.feeds.iter().any(|f| f.address == feed && f.key == "native");
    let usual: u128 = if coin { 265_000_000_000 } else { 100_000_000 };
    let answer = match dice.between(0, 9) {
        0..=5 => usual,
        _ => usual - usual / 100 + u128::from(dice.next()) % (usual / 50),
    };
    let limit = if is(place.profile.native_usd) { 4_500 } else { 90_000 };
    let age = dice.between(0, 1_200);
    let (mut answer, mut decimals, mut updated) = (word(answer), word(8), word(u128::from(time_s - age)));
    match dice.between(0, 99) {
        0 => answer = word(0),
        1 => answer = "f".repeat(64),
        2 => answer = format!("7{}", "f".repeat(63)),
        3 => answer = word(10_000_000_000_000_000 + u128::from(dice.between(0, 1))),
        4 => decimals = word(37),
        5 => decimals = word(256 + 8),
        6 => (answer, decimals) = (word(u128::from(dice.between(1, 3)) * 10u128.pow(36)), word(36)),
        7..=8 => updated = word(u128::from(time_s + 60 + dice.between(0, 1))),
        9..=12 => updated = word(u128::from(time_s - limit - dice.between(0, 1))),
        13 => updated = "f".repeat(64),
        14..=15 => updated = word(u128::from(time_s - 100_000)),
        _ => {}
    }
    let id = if dice.chance(1) { format!("{:0>64}", format!("1{}", "0".repeat(20))) } else { word(7) };
    let round = match dice.between(0, 99) {
        0 => None,
        1 => hex(&[word(7), answer]),
        2 => hex(&[id, answer, word(1), updated, word(7), word(9)]),
        _ => hex(&[id, answer, word(1), updated, word(7)]),
    };
    let decimals = match dice.between(0, 99) {
        0 => None,
        1 => Some("0x".to_owned()),
        _ => hex(&[decimals]),
    };
    [round, decimals]
}

fn balances(place: &Place, twins: bool, dice: &mut Dice) -> BTreeMap<String, Option<String>> {
    let mut of = |decimals: u8| {
        let unit = 10u128.pow(decimals.into());
        match dice.between(0, 99) {
            _ if twins => hex(&[word(unit * 100)]),
            0..=3 => hex(&[word(0)]),
            4..=9 => hex(&[word(unit / 100)]),
            10..=11 => hex(&[word(unit / 100 - u128::from(unit >= 100))]),
            12 => None,
            13 => Some("0x".to_owned()),
            14 => Some("0x0000ff".to_owned()),
            15 => hex(&[word(unit), word(3)]),
            16..=17 => Some(format!("0x{}", "f".repeat(64))),
            18..=22 => hex(&[word(dice.of_any_size(12))]),
            _ => hex(&[word(unit * 1_000)]),
        }
    };
    place.tokens.iter().map(|token| (token.key.clone(), of(token.decimals))).collect()
}
