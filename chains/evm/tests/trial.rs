//! Trying out a transaction: what it does, what it uses, and whose code decides; on a real node.

mod common;

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolCall;
use common::*;
use tollway_core::{Code, RecordKey};
use tollway_devnet::{ChainSpec, Devnet};
use tollway_evm::signature::AccountCode;
use tollway_evm::trial::transaction_gas;
use tollway_evm::{Bounded, Evm, EvmCall, EvmNetwork, Trial, address};

sol! {
    function balanceOf(address owner) external view returns (uint256);
}

/// Where the tests put code of their own.
const PLACE: Address = Address::repeat_byte(0xc0);

fn trial(reads: Vec<EvmCall>, calls: &[(EvmCall, u64)]) -> Trial {
    let calls = calls.iter().map(|(call, gas)| Bounded { call: call.clone(), gas: *gas }).collect();
    Trial { sender: None, caller: None, account: PLACE, reads, calls }
}
fn to(place: Address) -> EvmCall {
    EvmCall { to: place, data: Bytes::new() }
}

/// A chain with this code at [`PLACE`].
async fn place(code: &str) -> (Devnet, std::sync::Arc<EvmNetwork>) {
    let devnet = devnet([ChainSpec::BASE]).await;
    let net = network(&devnet, &devnet.chains()[0], ledger()).await;
    devnet.chains()[0].set_code(&PLACE.to_string(), code).await.unwrap();
    (devnet, net)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_measured_is_what_the_transaction_uses_and_nothing_has_happened() {
    for spec in [ChainSpec::ETHEREUM, ChainSpec::BASE] {
        let devnet = devnet([spec]).await;
        let chain = &devnet.chains()[0];
        let net = network(&devnet, chain, ledger()).await;
        for (n, what) in [(1, "to a holder"), (2, "from another payer")] {
            let payer =
                address::parse(devnet.accounts().payer(usize::try_from(n).unwrap()).address()).unwrap();
            let balance =
                EvmCall { to: usdc(chain), data: balanceOfCall { owner: payer }.abi_encode().into() };
            let pay = payment(&devnet, chain, n, 77);
            let trial = Trial {
                sender: net.senders().first().copied(),
                ..trial(vec![balance.clone(), to(PLACE)], &[(pay.clone(), 300_000), (balance, 100_000)])
            };
            chain.reset_counts();
            let tried = net.try_out(&trial).await.unwrap();
            assert_eq!(chain.counts().http_requests, 1, "{what}");
            let number = |bytes: &Bytes| U256::from_be_slice(bytes).to::<u64>();
            assert_eq!(tried.looked.results[0].as_ref().map(number), Ok(10_000_000_000), "before the calls");
            assert_eq!(tried.looked.results[1], Ok(Bytes::new()), "nobody is there");
            assert_eq!(tried.calls[1].result.as_ref().map(number), Ok(9_999_999_923), "after them");
            assert_eq!(tried.looked.time.secs(), chain.timestamp().await.unwrap());
            assert_eq!(tried.code, AccountCode::Plain);
            assert_eq!(
                chain.usdc_balance(&payer.to_string()).await.unwrap(),
                10_000_000_000,
                "only tried out"
            );
            let expected = transaction_gas(&pay.data, tried.calls[0].gas.unwrap());
            let mined = net.send(submit(pay), &RecordKey(what.to_owned())).await.unwrap();
            let (least, most) = (mined.gas_used, mined.gas_used + 300);
            assert!((least..=most).contains(&expected), "{what}: {expected} expected, {least} used");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_gets_its_bound_and_no_more_and_takes_nothing_from_the_others() {
    // JUMPDEST PUSH1 0 JUMP: for ever.
    let (devnet, net) = place("0x5b600056").await;
    let chain = &devnet.chains()[0];
    let payer = address::parse(devnet.accounts().payer(1).address()).unwrap();
    let balance = EvmCall { to: usdc(chain), data: balanceOfCall { owner: payer }.abi_encode().into() };
    for bound in [50_000, 3_000_000] {
        let trial = trial(
            vec![to(PLACE), balance.clone()],
            &[(to(PLACE), bound), (payment(&devnet, chain, 1, 77), 300_000)],
        );
        let tried = net.try_out(&trial).await.unwrap();
        assert!(matches!(tried.code, AccountCode::Contract(_)));
        assert_eq!(tried.looked.results[0], Err(Bytes::new()), "a read is bounded too");
        assert!(tried.looked.results[1].is_ok());
        let [burner, honest] = &*tried.calls else { panic!("two calls") };
        assert!(burner.ran_dry(bound), "{burner:?}");
        assert!((bound..bound + 500).contains(&burner.gas.unwrap()), "{burner:?}");
        assert!(honest.result.is_ok() && !honest.ran_dry(300_000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_is_told_apart_and_answers_are_cut() {
    // Returns a megabyte of zeros.
    let (devnet, net) = place("0x621000006000f3").await;
    let chain = &devnet.chains()[0];
    let code = async || net.try_out(&trial(vec![], &[(to(PLACE), 5_000_000)])).await.unwrap();
    let tried = code().await;
    assert!(matches!(tried.code, AccountCode::Contract(_)));
    assert_eq!(tried.calls[0].result, Ok(Bytes::from(vec![0; 256])));
    let boss = Address::repeat_byte(0xb0);
    chain.set_code(&PLACE.to_string(), &format!("0xef0100{}", alloy::hex::encode(boss))).await.unwrap();
    assert_eq!(code().await.code, AccountCode::Delegated(boss));
    // REVERT with what it was called with.
    chain.set_code(&PLACE.to_string(), "0x36600060003736 6000fd".replace(' ', "").as_str()).await.unwrap();
    let call = EvmCall { to: PLACE, data: Bytes::from_static(b"why") };
    let tried = net.try_out(&trial(vec![], &[(call, 50_000)])).await.unwrap();
    assert_eq!(tried.calls[0].result, Err(Bytes::from_static(b"why")));
    let much = vec![to(PLACE); 17];
    assert_eq!(net.try_out(&trial(much, &[])).await.unwrap_err().code, Code::TooLarge);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_somebodys_name_are_made_by_that_one_on_the_state_as_it_is() {
    // Answers who calls it; reverts with that word when it is given a byte, and goes round for ever when it is given two.
    let (devnet, net) = place("0x335f5236600c5760205ff3fe5b6002361460185760205ffd5b601856").await;
    let chain = &devnet.chains()[0];
    let caller = address::parse(devnet.accounts().settler(3).address()).unwrap();
    let word = Bytes::from(caller.into_word().to_vec());
    let ask = |bytes: usize| EvmCall { to: PLACE, data: vec![1; bytes].into() };
    let with =
        |calls: &[(EvmCall, u64)]| Trial { caller: Some(caller), ..trial(vec![ask(1), ask(1)], calls) };
    chain.reset_counts();
    let tried = net.try_out(&with(&[(ask(0), 50_000), (ask(1), 50_000), (ask(2), 50_000)])).await.unwrap();
    assert_eq!(chain.counts().http_requests, 1);
    assert_eq!(tried.looked.results.len(), 2);
    for read in &tried.looked.results {
        assert!(
            read.as_ref().is_err_and(|said| said.len() == 32 && *said != word),
            "read by somebody else: {read:?}"
        );
    }
    assert_eq!(tried.looked.time.secs(), chain.timestamp().await.unwrap());
    assert_eq!(tried.looked.block, chain.block_number().await.unwrap());
    let results: Vec<_> = tried.calls.iter().map(|call| call.result.clone()).collect();
    assert_eq!(
        results,
        [Ok(word.clone()), Err(word), Err(Bytes::new())],
        "made by the one named, within its gas"
    );
    assert!(tried.calls.iter().all(|call| call.gas.is_none()), "nobody measured");
    assert!(matches!(tried.code, AccountCode::Contract(_)), "whose code was asked for is told");
}
