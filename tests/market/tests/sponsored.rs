//! What a sponsored approval costs the facilitator, and that its guard knows: the coins for it are cash, so what is not used
//! of them stays with the payer.

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::hex;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use serde_json::json;
use std::sync::Arc;
use tollway::core::{AssetId, Bearer, Clock, Code, Json, Order, Purpose, Settler, Usd, UsdPrice, flow};
use tollway::evm::LocalKey;
use tollway::oracles::ChainOracles;
use tollway::route::guard::Caller;
use tollway::route::{Guard, GuardSettings, QuoteBook, QuoteSettings};
use tollway::system::{SystemClock, tokio_spawn};
use tollway_devnet::{Chain, ChainSpec, Devnet};
use tollway_market_tests::bed::Bed;

/// What a coin is worth, in dollars.
const COIN_USD: u128 = 2_000;
/// Where the extension holds the signed approval.
const RAW: &str = "/erc20ApprovalGasSponsoring/info/signedTransaction";

/// A payer with tokens, without coins, who never approved anything.
async fn newcomer(chain: &Chain, secret: [u8; 32]) -> (Bed, PrivateKeySigner) {
    let key = LocalKey::from_bytes(&secret).unwrap();
    let who = key.address().to_string();
    chain.set_usdc_balance(&who, 1_000_000).await.unwrap();
    chain.set_native_balance(&who, 0).await.unwrap();
    let bed = Bed::over_permit2(chain, tollway::exact_permit2::ENTRY, key, None, &[]).await.unwrap();
    (bed, PrivateKeySigner::from_slice(&secret).unwrap())
}

/// The order with an approval that may use so many percent of the gas.
fn greedier(order: &Order, signer: &PrivateKeySigner, percent: u64) -> Order {
    let mut extensions = order.payment.extensions.as_ref().unwrap().value();
    let raw = hex::decode(extensions.pointer(RAW).unwrap().as_str().unwrap()).unwrap();
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718(&mut &raw[..]).unwrap() else { panic!() };
    let tx = TxEip1559 { gas_limit: signed.tx().gas_limit * percent / 100, ..signed.tx().clone() };
    let signature = signer.sign_hash_sync(&tx.signature_hash()).unwrap();
    let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718();
    *extensions.pointer_mut(RAW).unwrap() = hex::encode_prefixed(raw).into();
    let mut order = order.clone();
    order.payment.extensions = Some(Json::of(&extensions));
    order
}

/// What the settler says that it costs itself, in wei.
async fn predicted_wei(bed: &Bed, order: &Order) -> u128 {
    let effort = bed.settler().effort(order).await.unwrap();
    let tariff = bed.network.tariff(Purpose::Interactive, &[]).await.unwrap();
    let works = effort.works.iter().map(|work| tariff.price(work).unwrap().total());
    let fees = effort.fees.iter().filter(|fee| fee.bearer == Bearer::Settler && fee.amount.asset.is_native());
    works.sum::<u128>() + fees.map(|fee| fee.amount.atomic).sum::<u128>()
}

fn guarded(bed: &Bed, gas_wei_max: u128) -> Arc<dyn Settler> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut oracles = ChainOracles::new(Arc::clone(&clock));
    let price = UsdPrice { answer: COIN_USD, answer_decimals: 0, asset_decimals: 18, at: SystemClock.now() };
    oracles.fix(AssetId::native(bed.chain()), price);
    let networks = [Arc::clone(&bed.network)];
    let quotes = QuoteBook::new(
        networks,
        Arc::new(oracles),
        Arc::clone(&clock),
        tokio_spawn(),
        QuoteSettings::default(),
    );
    let gas_usd_max = Some(Usd::from_e18(gas_wei_max * COIN_USD));
    let settings = GuardSettings { gas_usd_max, ..GuardSettings::off() };
    let guard = Guard::new(settings, Arc::new(quotes), Arc::clone(&bed.ledger), clock).unwrap();
    let cell = bed.registry.cells().next().unwrap();
    Arc::new(guard).settler(Caller::anyone(), cell.read, cell.settler.clone().unwrap())
}

/// Transactions that an account has sent.
async fn sent(chain: &Chain, account: &str) -> serde_json::Value {
    chain.call("eth_getTransactionCount", json!([account, "latest"])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_would_leave_its_payer_coins_is_refused_beside_an_honest_one() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start().await.unwrap();
    let (chain, all) = (devnet.chain(8453).unwrap(), devnet.accounts());
    let key = |account: &tollway_devnet::Account| LocalKey::from_hex(account.private_key()).unwrap();
    let sender = Some(key(all.settler(0)));
    let entry = tollway::exact_permit2::ENTRY;
    let settling =
        Bed::over_permit2(chain, entry, key(all.payer(0)), sender, &["erc20_approval"]).await.unwrap();
    let challenge = settling.challenge(all.merchant(0).address()).await.unwrap();
    let (honest, _) = newcomer(chain, [0x51; 32]).await;
    let (thief, signer) = newcomer(chain, [0x52; 32]).await;
    let order = honest.sign(&challenge).await.unwrap();
    let usual_wei = predicted_wei(&settling, &order).await;
    let guard = guarded(&settling, usual_wei + usual_wei / 10);
    let before = sent(chain, all.settler(0).address()).await;

    // An honest one offers about two and a half times what it will use; this one just less than four times.
    let dear = greedier(&thief.sign(&challenge).await.unwrap(), &signer, 155);
    let e = flow::verify(entry.read, &*guard, dear, &SystemClock).await.unwrap_err();
    assert_eq!(e.code, Code::GasTooHigh, "{e}");
    assert_eq!(sent(chain, all.settler(0).address()).await, before, "nothing was sent");

    let verified = flow::verify(entry.read, &*guard, order.clone(), &SystemClock).await.unwrap();
    let told_wei = predicted_wei(&settling, &order).await;
    let receipt = guard.settle(verified.due(order.requirement.price.full()).unwrap()).await.unwrap();
    let spent_wei = receipt.spent.unwrap().cost.atomic;
    println!("told {told_wei} wei, spent {spent_wei} wei");
    assert!(spent_wei <= told_wei + told_wei / 20, "{spent_wei} of {told_wei}");
    assert!(spent_wei >= told_wei - told_wei / 4, "{spent_wei} of {told_wei}");
}
