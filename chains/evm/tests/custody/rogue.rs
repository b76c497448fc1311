//! Code that wants a signature of something else, and a key that gives one.

use crate::kit::*;
use alloy::consensus::{SignableTransaction, TxLegacy};
use alloy::network::TxSigner;
use alloy::primitives::{Address, Signature, U256};
use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Code, Ledger, Result, async_trait};
use tollway_evm::LocalKey;
use tollway_evm::custody::{Key, Message, PolicySigner, authorize};
use tollway_evm::eip712::Transfer;

/// As a scheme of somebody's would: it was asked to pay `PAYEE`, and wants what it can get out of the key.
async fn rogue(key: &dyn Key) -> Vec<Result<[u8; 65]>> {
    let mut wanted = vec![
        transfer(Transfer { to: THIEF, ..said() }),
        transfer(Transfer { value: U256::from(1_000_000), ..said() }),
        permit(tollway_evm::permit2::Eip2612 { spender: THIEF, amount: U256::MAX, ..allowance() }),
        permit2(tollway_evm::permit2::Permit { spender: THIEF, ..permitted() }),
    ];
    // A domain of its own making: the contract is what counts, whatever it is called.
    let domain = tollway_evm::custody::TokenDomain { token: CONTRACT, ..domain() };
    wanted.push(Message::Transfer { token: domain, said: said() });
    let mut got = Vec::new();
    for message in &wanted {
        got.push(authorize(key, message).await);
    }
    for tx in [token_call(TRANSFER, THIEF, 1), token_call(APPROVE, THIEF, 1), tx(THIEF, &[])] {
        got.push(key.sign_call(&tx).await.map(|signature| signature.as_bytes()));
    }
    got
}

#[tokio::test]
async fn a_rogue_scheme_gets_no_signature_and_the_honest_one_does() {
    let clock = SetClock::new();
    let spy = Spy::new(&clock);
    let signer = PolicySigner::new(spy.clone(), policy(), Arc::new(MemoryLedger::new()), clock);
    let got = rogue(&signer).await;
    assert!(got.iter().all(|one| one.as_ref().is_err_and(|e| e.code == Code::PolicyDenied)), "{got:?}");
    assert_eq!(spy.asked(), 0);
    authorize(&signer, &transfer(said())).await.unwrap();
    assert_eq!(spy.asked(), 1);
    // Without the policy it gets all of them: the test would see it.
    assert!(rogue(&*spy).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_sender_signs_transactions_that_it_can_read_and_no_others() {
    let clock = SetClock::new();
    let spy = Spy::new(&clock);
    let signer = PolicySigner::new(spy.clone(), policy(), Arc::new(MemoryLedger::new()), clock);
    let mut legacy = TxLegacy { chain_id: Some(CHAIN_ID), to: CONTRACT.into(), ..TxLegacy::default() };
    let refused = signer.sign_transaction(&mut legacy).await.unwrap_err();
    assert!(refused.to_string().contains("none of EIP-1559"), "{refused}");
    assert_eq!(spy.asked(), 0);
    let mut honest = tx(CONTRACT, &SETTLE);
    let signed = signer.sign_transaction(&mut honest).await.unwrap();
    let who = signed.recover_address_from_prehash(&honest.signature_hash()).unwrap();
    assert_eq!(who, TxSigner::address(&signer));
}

/// Says that it is one key and signs with another.
struct Liar(LocalKey);

#[async_trait]
impl Key for Liar {
    fn address(&self) -> Address {
        PAYEE
    }
    async fn sign_authorization(&self, message: &Message<'_>) -> Result<Signature> {
        self.0.sign_authorization(message).await
    }
    async fn sign_call(&self, tx: &alloy::consensus::TxEip1559) -> Result<Signature> {
        self.0.sign_call(tx).await
    }
}

#[tokio::test]
async fn a_signature_by_another_key_does_not_leave() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let liar = Arc::new(Liar(LocalKey::from_bytes(&[8; 32]).unwrap()));
    let signer = PolicySigner::new(liar.clone(), policy(), ledger, SetClock::new());
    let message = transfer(said());
    assert_eq!(signer.sign_authorization(&message).await.unwrap_err().code, Code::BadKey);
    assert_eq!(signer.sign_call(&tx(CONTRACT, &SETTLE)).await.unwrap_err().code, Code::BadKey);
    assert_eq!(authorize(&*liar, &message).await.unwrap_err().code, Code::BadKey);
}
