//! One payer and one merchant on Solana, and what the chain has seen of the two.

use crate::bed::Bed;
use crate::deal::Terms;
use serde_json::{Value, json};
use tollway_devnet::{SolanaAccount, SolanaChain};

/// A payment on Solana that is to happen once, or never. The accounts belong to one test alone.
#[derive(Debug)]
pub struct SolanaDeal {
    /// Where.
    pub chain: &'static SolanaChain,
    /// Who pays.
    pub payer: SolanaAccount,
    /// Who is paid.
    pub merchant: SolanaAccount,
    /// How much, in millionths.
    pub amount: u64,
    before: Balances,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Balances {
    payer: u64,
    merchant: u64,
}

impl SolanaDeal {
    pub(crate) async fn new(
        chain: &'static SolanaChain,
        payer: SolanaAccount,
        merchant: SolanaAccount,
    ) -> Self {
        let before = Balances::of(chain, &payer, &merchant).await;
        Self { chain, payer, merchant, amount: 10_000, before }
    }

    /// What is asked, as a v2 entry; `fee_payer` is who will pay the fee.
    pub fn requirements(&self, fee_payer: &str) -> Value {
        json!({
            "scheme": "exact",
            "network": self.network(),
            "amount": self.amount.to_string(),
            "asset": self.chain.usdc(),
            "payTo": self.merchant.address(),
            "maxTimeoutSeconds": 300,
            "extra": { "feePayer": fee_payer },
        })
    }

    /// Takes all money from the payer, as if it had been spent elsewhere. Nothing may be paid afterwards.
    pub async fn ruin(&mut self) {
        let usdc = tollway_devnet::SolanaToken::USDC;
        self.chain.set_token_balance(self.payer.address(), &usdc, 0).await.unwrap();
        self.before.payer = 0;
    }

    /// The one transaction that has paid, and nothing else moved.
    pub async fn paid_by(&self) -> String {
        let paid = self.succeeded().await;
        assert_eq!(paid.len(), 1, "{paid:?}");
        self.moved(self.amount).await;
        paid.into_iter().next().unwrap()
    }

    /// Nothing has moved.
    pub async fn unpaid(&self) {
        let paid = self.succeeded().await;
        assert!(paid.is_empty(), "{paid:?}");
        self.moved(0).await;
    }

    async fn moved(&self, amount: u64) {
        let now = Balances::of(self.chain, &self.payer, &self.merchant).await;
        let wanted = Balances { payer: self.before.payer - amount, merchant: self.before.merchant + amount };
        assert_eq!(now, wanted, "the two balances moved by the price exactly");
    }

    /// Every transaction that has succeeded with the payer in it.
    async fn succeeded(&self) -> Vec<String> {
        let asked = json!([self.payer.address(), { "commitment": "confirmed" }]);
        let found = self.chain.call("getSignaturesForAddress", asked).await.unwrap();
        let good = found.as_array().unwrap().iter().filter(|row| row["err"].is_null());
        good.map(|row| row["signature"].as_str().unwrap().to_owned()).collect()
    }
}

impl Terms for SolanaDeal {
    fn network(&self) -> String {
        self.chain.caip2().to_owned()
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
        self.payer.private_key()
    }
    fn settler_key(&self, bed: &Bed) -> String {
        bed.solana_settler().private_key()
    }
}

impl Balances {
    async fn of(chain: &SolanaChain, payer: &SolanaAccount, merchant: &SolanaAccount) -> Self {
        Self {
            payer: chain.usdc_balance(payer.address()).await.unwrap().unwrap(),
            merchant: chain.usdc_balance(merchant.address()).await.unwrap().unwrap(),
        }
    }
}
