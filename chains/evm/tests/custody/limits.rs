//! Each limit, broken and kept.

use crate::kit::*;
use alloy::consensus::TxEip1559;
use alloy::eips::eip2930::{AccessList, AccessListItem};
use alloy::primitives::{Address, TxKind, U256};
use std::sync::Arc;
use tollway_core::custody::{AllowedCall, KeyPolicy};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Blame, Code, Next, Result};
use tollway_evm::custody::{Key, Message, PolicySigner};
use tollway_evm::eip712::Transfer;
use tollway_evm::permit2::{Eip2612, Permit, Proxy, Witness};

enum Thing {
    Say(Message<'static>),
    Send(TxEip1559),
}
use Thing::{Say, Send};

async fn sign(key: &dyn Key, thing: &Thing) -> Result<()> {
    match thing {
        Say(message) => key.sign_authorization(message).await.map(drop),
        Send(tx) => key.sign_call(tx).await.map(drop),
    }
}

/// What is refused, words of the refusal, and its twin that is signed.
type Row = (&'static str, Thing, &'static str, Thing);

fn messages() -> Vec<Row> {
    let ok = || Say(transfer(said()));
    let upto = |spender| {
        let witness = Witness { facilitator: Some(CONTRACT), ..permitted().witness };
        Say(permit2(Permit { spender, witness, ..permitted() }))
    };
    let elsewhere = tollway_evm::custody::TokenDomain { chain_id: 10, ..domain() };
    vec![
        ("amount", Say(transfer(Transfer { value: U256::from(101), ..said() })), "100 are the most", ok()),
        ("amount beyond all", Say(transfer(Transfer { value: U256::MAX, ..said() })), "128 bits", ok()),
        ("payee", Say(transfer(Transfer { to: THIEF, ..said() })), "not on the list of payees", ok()),
        (
            "validity",
            Say(transfer(Transfer { valid_before: U256::from(NOW_S + 601), ..said() })),
            "usable for 601 s; 600 s are the most",
            ok(),
        ),
        (
            "validity for ever",
            Say(transfer(Transfer { valid_before: U256::MAX, ..said() })),
            "600 s are the most",
            ok(),
        ),
        ("network", Say(Message::Transfer { token: elsewhere, said: said() }), "has no limit", ok()),
        (
            "token",
            Say(permit2(Permit { token: THIEF, ..permitted() })),
            "has no limit",
            Say(permit2(permitted())),
        ),
        (
            "amount of a permit",
            Say(permit2(Permit { amount: U256::from(101), ..permitted() })),
            "100 are the most",
            Say(permit2(permitted())),
        ),
        (
            "payee of a permit",
            Say(permit2(Permit { witness: Witness { to: THIEF, ..permitted().witness }, ..permitted() })),
            "not on the list of payees",
            Say(permit2(permitted())),
        ),
        (
            "deadline of a permit",
            Say(permit2(Permit { deadline: U256::from(NOW_S + 600), ..permitted() })),
            "usable for 601 s",
            Say(permit2(permitted())),
        ),
        (
            "spender of a permit",
            Say(permit2(Permit { spender: THIEF, ..permitted() })),
            "only Permit2 and x402's proxies",
            Say(permit2(permitted())),
        ),
        (
            "proxy of another witness",
            upto(Proxy::Exact.address()),
            "the right to take",
            upto(Proxy::Upto.address()),
        ),
        (
            "spender of an allowance",
            Say(permit(Eip2612 { spender: THIEF, ..allowance() })),
            "the right to take tokens",
            Say(permit(allowance())),
        ),
        (
            "allowance of another token",
            Say(permit(Eip2612 { asset: THIEF, ..allowance() })),
            "another token",
            Say(permit(allowance())),
        ),
        (
            "allowance",
            Say(permit(Eip2612 { amount: U256::from(101), ..allowance() })),
            "100 are the most",
            Say(permit(allowance())),
        ),
    ]
}

fn transactions() -> Vec<Row> {
    let ok = || Send(tx(CONTRACT, &SETTLE));
    let coins = |value: u64, to| Send(TxEip1559 { value: U256::from(value), ..tx(to, &[]) });
    let own = said().from;
    let listed = |tx: TxEip1559| {
        let item = AccessListItem { address: TOKEN, storage_keys: Vec::new() };
        TxEip1559 { access_list: AccessList(vec![item]), ..tx }
    };
    vec![
        ("function", Send(tx(CONTRACT, &[1, 2, 3, 5])), "calling 0x01020305", ok()),
        ("contract", Send(tx(THIEF, &SETTLE)), "not on the list of calls", ok()),
        ("no function", Send(tx(CONTRACT, &[])), "not on the list of calls", ok()),
        (
            "fee",
            Send(TxEip1559 { gas_limit: 101, ..tx(CONTRACT, &SETTLE) }),
            "it may cost 1010 of the coin's atomic units; 1000 are the most",
            ok(),
        ),
        ("network", Send(TxEip1559 { chain_id: 10, ..tx(CONTRACT, &SETTLE) }), "no fee limit", ok()),
        (
            "a new contract",
            Send(TxEip1559 { to: TxKind::Create, ..tx(CONTRACT, &SETTLE) }),
            "makes a contract",
            ok(),
        ),
        ("an access list", Send(listed(tx(CONTRACT, &SETTLE))), "access list", ok()),
        ("an access list with nothing", Send(listed(tx(own, &[]))), "access list", Send(tx(own, &[]))),
        ("coins", coins(6, PAYEE), "5 are the most", coins(5, PAYEE)),
        ("coins to a stranger", coins(5, THIEF), "not on the list", coins(5, PAYEE)),
        ("coins to oneself", coins(1, own), "not on the list", Send(tx(own, &[]))),
        (
            "tokens by a transaction",
            Send(token_call(TRANSFER, PAYEE, 101)),
            "100 are the most",
            Send(token_call(TRANSFER, PAYEE, 100)),
        ),
        (
            "tokens to a stranger",
            Send(token_call(TRANSFER, THIEF, 1)),
            "not on the list of payees",
            Send(token_call(TRANSFER, PAYEE, 1)),
        ),
        ("cut arguments", Send(tx(TOKEN, &TRANSFER)), "arguments", Send(token_call(TRANSFER, PAYEE, 1))),
        (
            "an approval",
            Send(token_call(APPROVE, THIEF, 1)),
            "the right to take tokens",
            Send(token_call(APPROVE, TO_PERMIT2, u64::MAX)),
        ),
    ]
}

async fn holds(policy: &KeyPolicy, rows: Vec<Row>) {
    for (name, wrong, words, right) in rows {
        let clock = SetClock::new();
        let spy = Spy::new(&clock);
        let ledger = Arc::new(MemoryLedger::new());
        let signer = PolicySigner::new(spy.clone(), policy.clone(), ledger, clock);
        let error = sign(&signer, &wrong).await.expect_err(name);
        let said = (error.code.clone(), error.blame, error.next.clone());
        assert_eq!(said, (Code::PolicyDenied, Blame::Payer, Next::OtherRoute), "{name}: {error}");
        assert!(error.detail.contains(words), "{name}: {error}");
        assert_eq!(spy.asked(), 0, "{name}: the key must not see it");
        sign(&signer, &right).await.unwrap_or_else(|e| panic!("the twin of {name}: {e}"));
        assert_eq!(spy.asked(), 1, "{name}");
    }
}

#[tokio::test]
async fn each_limit_refuses_and_lets_its_twin_through() {
    holds(&policy(), messages()).await;
    holds(&policy(), transactions()).await;
}

#[tokio::test]
async fn a_denied_payee_is_refused_where_all_others_are_paid() {
    let to = |who: Address| Say(transfer(Transfer { to: who, ..said() }));
    let open = KeyPolicy { payees: Vec::new(), payees_denied: vec![account(THIEF)], ..policy() };
    holds(&open, vec![("denied", to(THIEF), "denied payees", to(CONTRACT))]).await;
}

#[tokio::test]
async fn a_type_that_is_not_named_is_refused() {
    let only = |kind: &str| KeyPolicy { messages: vec![kind.to_owned()], ..policy() };
    let (one, two) = (|| Say(transfer(said())), || Say(permit2(permitted())));
    holds(&only("PermitWitnessTransferFrom"), vec![("transfer", one(), "messages of type", two())]).await;
    holds(&only("TransferWithAuthorization"), vec![("permit", two(), "messages of type", one())]).await;
    let cancel = || Say(Message::Cancel { token: domain(), authorizer: said().from, nonce: said().nonce });
    holds(
        &only("CancelAuthorization"),
        vec![("transfer beside a cancel", one(), "messages of type", cancel())],
    )
    .await;
}

/// An entry without a selector allows no function at all: too many give tokens away.
#[tokio::test]
async fn an_entry_without_a_function_allows_none() {
    let entry = |selector| AllowedCall { chain: chain(), to: Some(account(TOKEN)), selector };
    let any = KeyPolicy { calls: vec![entry(None), entry(Some(SETTLE))], ..policy() };
    let row = |input: &[u8]| {
        ("no function", Send(tx(TOKEN, input)), "not on the list of calls", Send(tx(TOKEN, &SETTLE)))
    };
    let transfer = token_call(TRANSFER, PAYEE, 1).input;
    holds(&any, vec![row(&transfer), row(&[1, 2, 3, 5]), row(&[1, 2, 3])]).await;
}

/// Whoever names a function has not named whom it gives what.
#[tokio::test]
async fn a_function_that_gives_tokens_away_is_read_or_refused() {
    let gives = [
        ([0xa2, 0x2c, 0xb4, 0x65], "gives tokens away"), // setApprovalForAll
        ([0x40, 0x00, 0xae, 0xa0], "gives tokens away"), // ERC-677's transferAndCall
        ([0x12, 0x96, 0xee, 0x62], "gives tokens away"), // ERC-1363's
        ([0x9b, 0xd9, 0xbb, 0xc6], "gives tokens away"), // ERC-777's send
        ([0xca, 0xe9, 0xca, 0x51], "gives tokens away"), // approveAndCall
        ([0x42, 0x84, 0x2e, 0x0e], "gives tokens away"), // safeTransferFrom
        ([0x87, 0x51, 0x7c, 0x45], "gives tokens away"), // Permit2's approve
        ([0x36, 0xc7, 0x85, 0x16], "gives tokens away"), // Permit2's transferFrom
        ([0x0d, 0x58, 0xb1, 0xdb], "gives tokens away"), // and many at once
        (INCREASE, "the right to take tokens"),
        ([0xd7, 0x3d, 0xd6, 0x23], "the right to take tokens"), // increaseApproval
    ];
    let entry = |function| AllowedCall { chain: chain(), to: None, selector: Some(function) };
    let calls = gives.iter().map(|(function, _)| entry(*function)).chain([entry(FROM), entry(SETTLE)]);
    let named = KeyPolicy { calls: calls.collect(), ..policy() };
    let right = || Send(tx(TOKEN, &SETTLE));
    let row = |(function, words)| ("gives", Send(token_call(function, THIEF, 1)), words, right());
    holds(&named, gives.map(row).into()).await;
    let from = |to: Address, amount: u64| {
        let rest = [to.into_word().0, U256::from(amount).to_be_bytes()].concat();
        Send(tx(TOKEN, &[&FROM[..], said().from.into_word().as_slice(), &rest].concat()))
    };
    let rows = vec![
        ("to a stranger", from(THIEF, 1), "not on the list of payees", from(PAYEE, 1)),
        ("too much", from(PAYEE, 101), "100 are the most", from(PAYEE, 100)),
        (
            "more for Permit2",
            Send(tx(TOKEN, &INCREASE)),
            "arguments",
            Send(token_call(INCREASE, TO_PERMIT2, 9)),
        ),
    ];
    holds(&named, rows).await;
}

/// A rollup charges for bytes what no gas limit bounds.
#[tokio::test]
async fn a_call_has_so_many_bytes_at_most() {
    let long = |bytes: usize| Send(tx(CONTRACT, &[&SETTLE[..], &vec![7; bytes - 4]].concat()));
    holds(&policy(), vec![("bytes", long(16 * 1_024 + 1), "16 KiB", long(16 * 1_024))]).await;
}

/// `increaseAllowance` and `transferFrom`.
const INCREASE: [u8; 4] = [0x39, 0x50, 0x93, 0x51];
const FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
