//! Chains, accounts, assets, schemes, transactions, by their texts.

use super::Spelling;
use proptest::prelude::*;
use tollway_core::{Account, AssetId, ChainId, Code, TxId};

/// CAIP-2 ids of any family.
pub fn chain() -> BoxedStrategy<String> {
    "[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}".boxed()
}

/// Texts that are almost a CAIP-2 id; all are [`Code::InvalidNetwork`].
pub fn almost_chain() -> BoxedStrategy<String> {
    prop_oneof![
        "[-a-z0-9]{1,2}:[a-zA-Z0-9]{1,32}",
        "[-a-z0-9]{9,12}:[a-zA-Z0-9]{1,32}",
        "[a-z]{3,8}:",
        ":[a-zA-Z0-9]{1,32}",
        "[A-Z]{3,8}:[a-zA-Z0-9]{1,32}",
        "[a-z]{3,8}:[a-zA-Z0-9]{33,40}",
        "[a-z]{3,8}:[a-z]{1,5}[.:/ ][a-z]{1,5}",
        "[a-z]{3,8}",
        "[a-z]{3,8}:ä",
    ]
    .boxed()
}

/// Accounts of a family's networks, read from any spelling of the address; `read` is the family's own reader.
pub fn account(spelling: Spelling, read: fn(&str) -> Option<String>) -> BoxedStrategy<Account> {
    (spelling.network(), (spelling.address)())
        .prop_filter_map("not an account", move |((chain, _), address)| {
            Account::new(ChainId::new(chain).ok()?, &read(&address)?).ok()
        })
        .boxed()
}

/// Tokens of a family's networks, and the coins of their chains.
pub fn asset(spelling: Spelling, read: fn(&str) -> Option<String>) -> BoxedStrategy<AssetId> {
    let coin = spelling
        .network()
        .prop_filter_map("no chain", |(chain, _)| Some(AssetId::native(ChainId::new(chain).ok()?)));
    let token =
        account(spelling, read).prop_filter_map("not an asset", |a| AssetId::new(a.chain, a.address()).ok());
    prop_oneof![1 => coin, 4 => token].boxed()
}

/// Names of schemes and transfer methods.
pub fn valid() -> BoxedStrategy<String> {
    prop_oneof![Just("exact".to_owned()), Just("upto".to_owned()), "[!-~]{1,32}"].boxed()
}

/// Texts that are almost a name; all are [`Code::UnsupportedScheme`].
pub fn almost() -> BoxedStrategy<String> {
    prop_oneof![Just(String::new()), "[!-~]{33,64}", "[a-z]{1,5} [a-z]{1,5}", "[a-z]{0,5}\n", "[ä-ü]{1,9}"]
        .boxed()
}

/// Any text, long ones included: for names, ids, addresses and transactions alike.
pub fn hostile(size: usize) -> BoxedStrategy<String> {
    prop_oneof![
        any::<String>(),
        chain(),
        almost_chain(),
        (1..=size.max(1)).prop_map(|n| ":".repeat(n)),
        (1..=size.max(1)).prop_map(|n| format!("sim:1:{}", "a".repeat(n))),
        (1..=size.max(1)).prop_map(|n| format!("sim:1/{}", "\u{0}".repeat(n))),
        (1..=size.max(1)).prop_map(|n| "\u{1f4b8}".repeat(n)),
    ]
    .boxed()
}

/// A transaction's id as most chains spell it.
pub fn transaction() -> BoxedStrategy<TxId> {
    "0x[0-9a-f]{64}".prop_map(TxId).boxed()
}

/// Every code that is known by name somewhere, and words that are not.
pub fn code() -> BoxedStrategy<Code> {
    prop_oneof![
        prop::sample::select(vec![
            "insufficient_funds",
            "invalid_signature",
            "invalid_payment_expired",
            "nonce_already_used",
            "settlement_pending",
            "unexpected_settle_error",
            "invalid_network",
        ])
        .prop_map(Code::from_wire),
        "[a-z_]{1,40}".prop_map(|word| Code::from_wire(&word)),
    ]
    .boxed()
}
