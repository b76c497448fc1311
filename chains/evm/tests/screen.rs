//! A sanctions list on a real chain: what it says of whom, and that silence is never a "no".

mod common;

use alloy::primitives::B256;
use common::*;
use std::sync::Arc;
use tollway_core::screen::{Step, Subject, Verdict};
use tollway_core::{Account, Code, Json, Requirement, Result, Screen, Version, wire};
use tollway_devnet::{Chain, ChainSpec};
use tollway_evm::{FAMILY, SanctionsList, address};

/// Ours: answers `isSanctioned(address)` (0xdf592f7d) with the storage slot of that number, and nothing else.
///
/// ```text
/// PUSH0 CALLDATALOAD PUSH1 e0 SHR PUSH4 df592f7d EQ PUSH1 11 JUMPI PUSH0 PUSH0 REVERT
/// JUMPDEST PUSH1 04 CALLDATALOAD SLOAD PUSH0 MSTORE PUSH1 20 PUSH0 RETURN
/// ```
const LIST: &str = "0x5f3560e01c63df592f7d146011575f5ffd5b600435545f5260205ff3";
const AT: &str = "0x40C57923924B5c5c5455c48D93317139ADDaC8fb";

async fn list(chain: &Chain, account: &str, listed: bool) {
    let slot = B256::left_padding_from(address::parse(account).unwrap().as_slice());
    let word = B256::with_last_byte(listed.into());
    chain.set_storage(AT, &slot.to_string(), &word.to_string()).await.unwrap();
}

fn requirement(chain: &Chain, pay_to: &str) -> Requirement {
    let text = format!(
        r#"{{"scheme":"exact","network":"{}","amount":"1","asset":"{}","payTo":"{pay_to}","maxTimeoutSeconds":60}}"#,
        chain.spec().caip2(),
        chain.usdc()
    );
    wire::read_requirement(&Json::parse(text).unwrap(), Version::V2, &[FAMILY]).unwrap()
}

async fn ask(screen: &SanctionsList, chain: &Chain, payer: &str, pay_to: &str) -> Result<Verdict> {
    let requirement = requirement(chain, pay_to);
    let payer = FAMILY.account(chain_id(chain), payer).unwrap();
    let subject = Subject { step: Step::Verify, requirement: &requirement, host: None, payer: Some(payer) };
    screen.check(&subject).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payer_payee_and_token_are_asked_after_in_one_request() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    chain.set_code(AT, LIST).await.unwrap();
    let accounts = devnet.accounts();
    let (payer, payee) = (accounts.payer(0).address(), accounts.merchant(0).address());
    // Each case has a list of its own, so that none lives by what another has read.
    let net = builder(chain, ledger()).connect().await.unwrap();
    let fresh = || SanctionsList::new(net.clone(), AT, clock()).unwrap();
    assert_eq!(fresh().source(), format!("eip155:8453/{}", AT.to_lowercase()));
    let screen = fresh();
    chain.reset_counts();
    assert_eq!(ask(&screen, chain, payer, payee).await, Ok(Verdict::Clear));
    assert_eq!(chain.counts().http_requests, 1);
    assert_eq!(ask(&screen, chain, payer, payee).await, Ok(Verdict::Clear));
    assert_eq!(chain.counts().http_requests, 1, "asked a moment ago");
    for listed in [payer, payee, chain.usdc()] {
        list(chain, listed, true).await;
        let screen = fresh();
        let named = format!("{} is on the sanctions list", address::parse(listed).unwrap());
        for _ in 0..2 {
            assert_eq!(ask(&screen, chain, payer, payee).await, Ok(Verdict::Denied(named.clone())));
        }
        list(chain, listed, false).await;
        assert_eq!(ask(&fresh(), chain, payer, payee).await, Ok(Verdict::Clear));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_list_gives_no_verdict() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let accounts = devnet.accounts();
    let (payer, payee) = (accounts.payer(0).address(), accounts.merchant(0).address());
    let net = builder(chain, ledger()).connect().await.unwrap();
    let screen = SanctionsList::new(net.clone(), AT, clock()).unwrap();
    // Nothing there; one that reverts; one that returns 2, a byte, or nothing.
    let codes = ["0x", "0x5f5ffd", "0x60025f5260205ff3", "0x60015ff3", "0x00"];
    for code in codes {
        chain.set_code(AT, code).await.unwrap();
        let e = ask(&screen, chain, payer, payee).await.unwrap_err();
        assert_eq!(e.code, Code::InvalidAnswer, "{code}: {e}");
    }
    // An account of another family of chains is not cleared by a list that cannot know it.
    let requirement = requirement(chain, payee);
    let stranger =
        Account::new(tollway_core::ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap(), "abc")
            .unwrap();
    let subject = Subject { step: Step::Sign, requirement: &requirement, host: None, payer: Some(stranger) };
    assert_eq!(screen.check(&subject).await.unwrap_err().code, Code::InvalidNetwork);
    assert_eq!(SanctionsList::new(net, "0x12", Arc::new(Wall)).unwrap_err().code, Code::InvalidAddress);
}
