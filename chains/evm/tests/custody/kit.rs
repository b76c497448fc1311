//! A key that tells what it was asked to sign, a clock that is set, and things to sign.

use alloy::consensus::TxEip1559;
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tollway_core::custody::{AllowedCall, AssetLimit, FeeLimit, KeyPolicy};
use tollway_core::{Account, AssetId, ChainId, Clock, Result, Time, async_trait};
use tollway_evm::custody::{Key, Message, TokenDomain};
use tollway_evm::eip712::Transfer;
use tollway_evm::permit2::{Eip2612, PERMIT2, Permit, Proxy, Witness};
use tollway_evm::{LocalKey, address};

pub(crate) const CHAIN_ID: u64 = 8453;
pub(crate) const NOW_S: u64 = 1_700_000_000;
pub(crate) const TOKEN: Address = Address::repeat_byte(0xaa);
pub(crate) const PAYEE: Address = Address::repeat_byte(0x11);
pub(crate) const THIEF: Address = Address::repeat_byte(0x66);
pub(crate) const CONTRACT: Address = Address::repeat_byte(0xcc);
/// Selectors: an ordinary function's, and that of `transfer`.
pub(crate) const SETTLE: [u8; 4] = [1, 2, 3, 4];

/// Signs as a key in memory does, and keeps what it was shown.
pub(crate) struct Spy {
    key: LocalKey,
    pub(crate) clock: Arc<SetClock>,
    /// When, and how much of the token a message lets go.
    pub(crate) seen: Mutex<Vec<(Time, B256, u128)>>,
}

impl Spy {
    pub(crate) fn new(clock: &Arc<SetClock>) -> Arc<Self> {
        let (key, clock) = (LocalKey::from_bytes(&[7; 32]).unwrap(), Arc::clone(clock));
        Arc::new(Self { key, clock, seen: Mutex::default() })
    }
    pub(crate) fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
    fn saw(&self, digest: B256, amount: U256) {
        self.seen.lock().unwrap().push((self.clock.now(), digest, amount.to()));
    }
}

#[async_trait]
impl Key for Spy {
    fn address(&self) -> Address {
        self.key.address()
    }
    async fn sign_authorization(&self, message: &Message<'_>) -> Result<Signature> {
        let amount = match message {
            Message::Transfer { said, .. } => said.value,
            Message::Permit2 { said, .. } => said.amount,
            _ => U256::ZERO,
        };
        self.saw(message.digest(), amount);
        self.key.sign_authorization(message).await
    }
    async fn sign_call(&self, tx: &TxEip1559) -> Result<Signature> {
        self.saw(alloy::consensus::SignableTransaction::signature_hash(tx), U256::ZERO);
        self.key.sign_call(tx).await
    }
}

/// Stands still until it is set.
pub(crate) struct SetClock(AtomicU64);

impl SetClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW_S * 1_000)))
    }
    pub(crate) fn add_s(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Time {
        Time::from_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, _ms: u64) {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn chain() -> ChainId {
    ChainId::new("eip155:8453").unwrap()
}
pub(crate) fn account(of: Address) -> Account {
    address::account(chain(), &of).unwrap()
}
pub(crate) fn token() -> AssetId {
    address::asset(chain(), &TOKEN).unwrap()
}

/// A hundred units a signature, to one payee; three kinds of messages, ten minutes each; one function of one contract.
pub(crate) fn policy() -> KeyPolicy {
    let messages =
        ["TransferWithAuthorization", "CancelAuthorization", "PermitWitnessTransferFrom", "Permit"];
    let call = |to, selector| AllowedCall { chain: chain(), to: Some(account(to)), selector };
    KeyPolicy {
        assets: vec![
            AssetLimit { asset: token(), max: 100, hour: None, day: None },
            AssetLimit { asset: AssetId::native(chain()), max: 5, hour: None, day: None },
        ],
        payees: vec![account(PAYEE)],
        payees_denied: Vec::new(),
        messages: messages.map(str::to_owned).to_vec(),
        validity_s_max: 600,
        calls: vec![
            call(CONTRACT, Some(SETTLE)),
            call(PAYEE, None),
            call(TOKEN, Some([0xa9, 0x05, 0x9c, 0xbb])),
            call(TOKEN, Some([0x09, 0x5e, 0xa7, 0xb3])),
        ],
        fees: vec![FeeLimit { chain: chain(), max: 1_000, day: None }],
    }
}

pub(crate) fn domain() -> TokenDomain<'static> {
    TokenDomain { name: "USD Coin".into(), version: "2".into(), chain_id: CHAIN_ID, token: TOKEN }
}

pub(crate) fn said() -> Transfer {
    Transfer {
        from: LocalKey::from_bytes(&[7; 32]).unwrap().address(),
        to: PAYEE,
        value: U256::from(100),
        valid_after: U256::ZERO,
        valid_before: U256::from(NOW_S + 600),
        nonce: B256::repeat_byte(1),
    }
}

pub(crate) fn transfer(said: Transfer) -> Message<'static> {
    Message::Transfer { token: domain(), said }
}

pub(crate) fn permitted() -> Permit {
    Permit {
        from: said().from,
        token: TOKEN,
        amount: U256::from(100),
        spender: Proxy::Exact.address(),
        nonce: U256::from(7),
        deadline: U256::from(NOW_S + 599),
        witness: Witness { to: PAYEE, facilitator: None, valid_after: U256::ZERO },
    }
}

pub(crate) fn permit2(said: Permit) -> Message<'static> {
    Message::Permit2 { chain_id: CHAIN_ID, said }
}

pub(crate) fn allowance() -> Eip2612 {
    Eip2612::for_permit(&permitted(), U256::from(3))
}

pub(crate) fn permit(said: Eip2612) -> Message<'static> {
    Message::Permit { token: domain(), said: std::borrow::Cow::Owned(said) }
}

/// A transaction of a thousand wei at most that calls a contract.
pub(crate) fn tx(to: Address, input: &[u8]) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce: 0,
        gas_limit: 100,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: Bytes::copy_from_slice(input),
    }
}

/// A call of a token's `transfer` (`a9059cbb`) or `approve` (`095ea7b3`).
pub(crate) fn token_call(selector: [u8; 4], who: Address, amount: u64) -> TxEip1559 {
    let amount = U256::from(amount).to_be_bytes::<32>();
    tx(TOKEN, &[&selector[..], who.into_word().as_slice(), &amount].concat())
}

pub(crate) const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
pub(crate) const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
pub(crate) const TO_PERMIT2: Address = PERMIT2;
