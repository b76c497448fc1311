//! One payer, one merchant, and what the chain has seen of the two.

use crate::bed::Bed;
use serde_json::{Value, json};
use tokio::sync::RwLockReadGuard;
use tollway_devnet::{Account, Chain, ChainSpec, PERMIT2};

/// Base's chain id.
pub const BASE: u64 = ChainSpec::BASE.chain_id;
/// Base Sepolia's chain id.
pub const BASE_SEPOLIA: u64 = ChainSpec::BASE_SEPOLIA.chain_id;

/// `keccak256("Transfer(address,address,uint256)")`
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// `keccak256("AuthorizationUsed(address,bytes32)")`. Source: EIP-3009.
const AUTHORIZATION_USED: &str = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";

/// What the roles need to know of a deal, on whatever chain it is.
pub trait Terms {
    /// CAIP-2.
    fn network(&self) -> String;
    /// The chain's node.
    fn node_url(&self) -> String;
    /// The token.
    fn asset(&self) -> &str;
    /// The price in the token's smallest units.
    fn amount(&self) -> u64;
    /// Who is paid.
    fn pay_to(&self) -> &str;
    /// The payer's key, as its family spells it.
    fn payer_key(&self) -> String;
    /// A key that can settle there, of a test's own.
    fn settler_key(&self, bed: &Bed) -> String;

    /// The price as the reference SDK writes it.
    fn dollars(&self) -> String {
        format!("${}.{:06}", self.amount() / 1_000_000, self.amount() % 1_000_000)
    }
}

/// A payment that is to happen once, or never. The accounts belong to one test alone.
#[derive(Debug)]
pub struct Deal {
    /// Where.
    pub chain: &'static Chain,
    /// Who pays.
    pub payer: Account,
    /// Who is paid.
    pub merchant: Account,
    /// How much, in millionths.
    pub amount: u64,
    before: Balances,
    /// Held, not read.
    _moving: Option<RwLockReadGuard<'static, ()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Balances {
    payer: u128,
    merchant: u128,
}

impl Deal {
    pub(crate) async fn new(
        chain: &'static Chain,
        payer: Account,
        merchant: Account,
        amount: u64,
        moving: Option<RwLockReadGuard<'static, ()>>,
    ) -> Self {
        let before = Balances::of(chain, &payer, &merchant).await;
        Self { chain, payer, merchant, amount, before, _moving: moving }
    }

    /// What is asked, as a v2 entry.
    pub fn requirements(&self) -> Value {
        json!({
            "scheme": "exact",
            "network": self.network(),
            "amount": self.amount.to_string(),
            "asset": self.chain.usdc(),
            "payTo": self.merchant.address(),
            "maxTimeoutSeconds": 300,
            "extra": { "name": self.chain.spec().usdc_name, "version": ChainSpec::USDC_VERSION },
        })
    }

    /// Takes all money from the payer, as if it had been spent elsewhere. Nothing may be paid afterwards.
    pub async fn ruin(&mut self) {
        self.chain.set_usdc_balance(self.payer.address(), 0).await.unwrap();
        self.before.payer = 0;
    }

    /// The one transaction that has paid: one transfer of exactly the price, by one authorization, and nothing else.
    pub async fn paid_by(&self) -> String {
        let txs = self.paid_times(1).await;
        txs.into_iter().next().unwrap()
    }

    /// The transactions that have paid the price, `times` of them, and nothing else.
    pub async fn paid_times(&self, times: u64) -> Vec<String> {
        let transfers = self.logs(json!([TRANSFER, word(&self.payer)])).await;
        let uses = self.logs(json!([AUTHORIZATION_USED, word(&self.payer)])).await;
        let tx = |logs: &[Value]| {
            logs.iter().map(|log| log["transactionHash"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let value = format!("0x{:064x}", self.amount);
        let count = usize::try_from(times).unwrap();
        assert_eq!(tx(&transfers).len(), count, "transfers: {transfers:?}");
        assert_eq!(tx(&transfers), tx(&uses), "each transfer uses one authorization");
        assert!(transfers.iter().all(|log| log["data"] == value && log["topics"][2] == word(&self.merchant)));
        let moved = u128::from(self.amount) * u128::from(times);
        let now = Balances::of(self.chain, &self.payer, &self.merchant).await;
        let wanted = Balances { payer: self.before.payer - moved, merchant: self.before.merchant + moved };
        assert_eq!(now, wanted, "the two balances moved by the price exactly");
        tx(&transfers)
    }

    /// Lets Permit2 draw on the payer's tokens.
    ///
    /// # Panics
    /// When the chain is gone.
    pub async fn approve(&self) {
        let (token, payer) = (self.chain.usdc(), self.payer.address());
        self.chain.set_allowance(token, payer, PERMIT2, u128::MAX).await.unwrap();
    }

    /// Takes all coins from the payer, who has sent no transaction yet.
    ///
    /// # Panics
    /// When the chain is gone.
    pub async fn without_coins(&self) {
        self.chain.set_native_balance(self.payer.address(), 0).await.unwrap();
        assert_eq!(self.sent_by_payer().await, 0);
    }

    /// How many transactions of the payer's account are on chain.
    ///
    /// # Panics
    /// When the chain is gone.
    pub async fn sent_by_payer(&self) -> u64 {
        let asked = json!([self.payer.address(), "latest"]);
        let count = self.chain.call("eth_getTransactionCount", asked).await.unwrap();
        u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    /// The one transaction that has charged: one transfer of exactly so much, and nothing else.
    ///
    /// # Panics
    /// When it was not so.
    pub async fn charged_by(&self, amount: u64) -> String {
        let transfers = self.logs(json!([TRANSFER, word(&self.payer)])).await;
        let [transfer] = &*transfers else { panic!("transfers: {transfers:?}") };
        assert_eq!(transfer["data"], format!("0x{amount:064x}"));
        assert_eq!(transfer["topics"][2], word(&self.merchant));
        let moved = u128::from(amount);
        let now = Balances::of(self.chain, &self.payer, &self.merchant).await;
        let wanted = Balances { payer: self.before.payer - moved, merchant: self.before.merchant + moved };
        assert_eq!(now, wanted, "the two balances moved by the charge exactly");
        transfer["transactionHash"].as_str().unwrap().to_owned()
    }

    /// Nothing has moved.
    pub async fn unpaid(&self) {
        self.paid_times(0).await;
    }

    /// The merchant has got nothing, whatever became of the payer's money.
    pub async fn unserved(&self) {
        let transfers = self.logs(json!([TRANSFER, word(&self.payer)])).await;
        let uses = self.logs(json!([AUTHORIZATION_USED, word(&self.payer)])).await;
        assert!(transfers.is_empty() && uses.is_empty(), "{transfers:?}");
        let now = Balances::of(self.chain, &self.payer, &self.merchant).await;
        assert_eq!(now.merchant, self.before.merchant);
    }

    async fn logs(&self, topics: Value) -> Vec<Value> {
        let filter = json!([{ "fromBlock": "0x0", "address": self.chain.usdc(), "topics": topics }]);
        let found = self.chain.call("eth_getLogs", filter).await.unwrap();
        found.as_array().unwrap().clone()
    }
}

impl Terms for Deal {
    fn network(&self) -> String {
        self.chain.spec().caip2()
    }
    fn node_url(&self) -> String {
        self.chain.http_url()
    }
    fn asset(&self) -> &str {
        self.chain.usdc()
    }
    fn amount(&self) -> u64 {
        self.amount
    }
    fn pay_to(&self) -> &str {
        self.merchant.address()
    }
    fn payer_key(&self) -> String {
        self.payer.private_key().to_owned()
    }
    fn settler_key(&self, bed: &Bed) -> String {
        bed.settler().private_key().to_owned()
    }
}

impl Balances {
    async fn of(chain: &Chain, payer: &Account, merchant: &Account) -> Self {
        Self {
            payer: chain.usdc_balance(payer.address()).await.unwrap(),
            merchant: chain.usdc_balance(merchant.address()).await.unwrap(),
        }
    }
}

/// An address as a log's topic.
fn word(account: &Account) -> String {
    format!("0x{:0>64}", account.address().trim_start_matches("0x").to_lowercase())
}
