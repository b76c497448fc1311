//! The state of the scripted chain, which tests change as they like.

use alloy::primitives::{Address, Bytes, U256};
use std::collections::HashMap;
use tollway_core::*;
use tollway_evm::signature::AccountCode;
use tollway_evm::{EvmCall, Mined, Submit};

/// What happens to the next transactions.
#[derive(Clone, Default)]
pub enum Script {
    /// They are mined.
    #[default]
    Honest,
    /// They are mined, and the answer is lost.
    LoseAnswer,
    /// Somebody sends the same call first.
    FrontRun,
    /// They revert.
    Revert,
    /// They succeed, and the token logs so much less.
    Short(u64),
}

#[derive(Clone)]
pub struct World {
    pub time_s: u64,
    /// How far the finality lags behind the newest block.
    pub final_lag_s: u64,
    pub balances: HashMap<Address, U256>,
    pub allowances: HashMap<Address, U256>,
    pub permit_nonces: HashMap<Address, U256>,
    /// When each nonce was used.
    pub used: HashMap<(Address, U256), u64>,
    pub txs: Vec<(TxId, u64, Mined, EvmCall)>,
    pub sent: HashMap<RecordKey, TxId>,
    pub relayed: Vec<Bytes>,
    /// Transactions of the payer's that were signed for others to send.
    pub signed_calls: usize,
    pub endowed: Vec<(Address, u128)>,
    pub coins_wei: u128,
    /// The payer's code.
    pub code: AccountCode,
    /// What every kind of call is said to have used lately.
    pub learned_gas: Option<u64>,
    /// The payer takes coins away before its approval lands.
    pub thief: bool,
    /// The nonce of the payer's next transaction.
    pub payer_nonce: u64,
    /// What a node that is behind tells in its place.
    pub stale_nonce: Option<u64>,
    /// Coins are mined, and are not final in time.
    pub slow_coins: bool,
    /// What the payer offers for each gas of its approval.
    pub approval_fee_wei: u128,
    pub script: Script,
    /// The token refuses every transfer (paused, blocked).
    pub paused: bool,
    /// The token keeps so much of each transfer.
    pub fee: u64,
    /// The token knows EIP-2612.
    pub permits: bool,
    pub deployed: bool,
    pub proxy: bool,
    /// Balances and allowances are not known without a look.
    pub cold: bool,
    pub looks: usize,
    pub submitted: Vec<Submit>,
}

impl World {
    /// At that time, with nothing in it.
    pub fn new(time_s: u64) -> Self {
        Self {
            time_s,
            final_lag_s: 0,
            balances: HashMap::new(),
            allowances: HashMap::new(),
            permit_nonces: HashMap::new(),
            used: HashMap::new(),
            txs: Vec::new(),
            sent: HashMap::new(),
            relayed: Vec::new(),
            signed_calls: 0,
            endowed: Vec::new(),
            coins_wei: 0,
            code: AccountCode::Plain,
            learned_gas: None,
            thief: false,
            payer_nonce: 0,
            stale_nonce: None,
            slow_coins: false,
            approval_fee_wei: 1_000,
            script: Script::Honest,
            paused: false,
            fee: 0,
            permits: true,
            deployed: true,
            proxy: true,
            cold: false,
            looks: 0,
            submitted: Vec::new(),
        }
    }
}
