//! The cell on a real local chain: what is charged, and each thing that is refused beside what is accepted.

mod support;

use alloy::primitives::U256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use support::*;
use tollway_cells::{noted_and_never_sent, recovered};
use tollway_core::flow::SettleOnce;
use tollway_core::*;
use tollway_devnet::{Devnet, PERMIT2, TokenSpec, X402_UPTO_PERMIT2_PROXY};
use tollway_evm::permit2::{Proxy, Signed};

async fn allow(devnet: &Devnet, token: &str) {
    let payer = devnet.accounts().payer(0).address();
    chain(devnet).set_allowance(token, payer, PERMIT2, u128::MAX).await.unwrap();
}

/// A devnet, and a house on it whose payer has approved Permit2 for USDC.
async fn house() -> (Devnet, House) {
    let devnet = base().await;
    let all = devnet.accounts();
    let house = House::open(&devnet, all.payer(0), &[all.settler(0)]).await;
    allow(&devnet, chain(&devnet).usdc()).await;
    (devnet, house)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_is_charged_in_whatever_token() {
    let (devnet, house) = house().await;
    let (chain, merchant) = (chain(&devnet), devnet.accounts().merchant(0).address());
    let payer = devnet.accounts().payer(0).address();
    let plain = [TokenSpec::PLAIN, TokenSpec::SILENT, TokenSpec::EIGHTEEN].map(|token| token.address);
    for token in [chain.usdc()].into_iter().chain(plain) {
        allow(&devnet, token).await;
        for charge in [CEILING, 1, 3_456] {
            let (offer, _) = house.offer(&devnet, token).await;
            let sent = house.sign(&offer.requirement, None).await;
            let order = sent.order();
            let before =
                (chain.token_balance(token, payer).await, chain.token_balance(token, merchant).await);
            let verified = house.verify(&order).await.unwrap();
            assert_eq!(verified.terms().ceiling.atomic(), CEILING);
            let receipt = house.settle(&order, charge).await.unwrap();
            assert_eq!(receipt.charged.atomic, charge, "{token}");
            let after = (chain.token_balance(token, payer).await, chain.token_balance(token, merchant).await);
            assert_eq!(after.0.unwrap(), before.0.unwrap() - charge);
            assert_eq!(after.1.unwrap(), before.1.unwrap() + charge);
            // Payer and settler find the same on chain.
            let found = [house.payer().resolve(&sent).await, house.settler().resume(&order, None).await];
            for fate in found {
                let Ok(Fate::Settled(found)) = fate else { panic!("{fate:?}") };
                assert_eq!((found.charged, &found.landed), (receipt.charged, &receipt.landed));
            }
            let read = house.payer().receive(&sent, Answer::Receipt(&receipt)).await.unwrap();
            assert_eq!(read, Reading::Paid(receipt.charged));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_of_nothing_is_settled_by_nothing() {
    let (devnet, house) = house().await;
    let (offer, _) = house.offer(&devnet, chain(&devnet).usdc()).await;
    let sent = house.sign(&offer.requirement, None).await;
    let nonce = json!([devnet.accounts().settler(0).address(), "latest"]);
    let before = chain(&devnet).call("eth_getTransactionCount", nonce.clone()).await.unwrap();
    let receipt = house.settle(&sent.order(), 0).await.unwrap();
    assert_eq!((receipt.landed.clone(), receipt.charged.atomic), (Landed::Nothing, 0));
    assert_eq!(chain(&devnet).call("eth_getTransactionCount", nonce).await.unwrap(), before);
    let read = house.payer().receive(&sent, Answer::Receipt(&receipt)).await.unwrap();
    assert_eq!(read, Reading::Paid(receipt.charged));
    // A settlement asked for by its amount, as a facilitator gets it: nothing of what was signed for.
    let mut asked = sent.order();
    asked.requirement.price.0.atomic = 0;
    house.verify(&asked).await.unwrap();
    // Nothing was used, so the permit can still be.
    assert!(matches!(house.payer().resolve(&sent).await, Ok(Fate::Open { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_facilitator_charges_and_from_that_account() {
    let devnet = base().await;
    let (all, chain) = (devnet.accounts(), chain(&devnet));
    allow(&devnet, chain.usdc()).await;
    let both = House::open(&devnet, all.payer(0), &[all.settler(0), all.settler(1)]).await;
    let other = House::open(&devnet, all.payer(0), &[all.settler(2)]).await;
    let (mut offer, _) = both.offer(&devnet, chain.usdc()).await;
    for settler in [all.settler(0), all.settler(1)] {
        let named = [("facilitatorAddress".to_owned(), Value::from(settler.address()))];
        offer.requirement.extra = offer.requirement.extra.with(named);
        let order = both.sign(&offer.requirement, None).await.order();
        assert_eq!(code(other.verify(&order).await), Code::FacilitatorMismatch);
        let receipt = both.settle(&order, 500).await.unwrap();
        let tx = &receipt.transaction().unwrap().0;
        let tx = chain.call("eth_getTransactionByHash", json!([tx])).await.unwrap();
        assert_eq!(tx["from"], settler.address().to_lowercase());
    }
    // An entry that names another than was signed for, and one that names nobody.
    let order = both.sign(&offer.requirement, None).await.order();
    let named = |who: Value| {
        let mut order = order.clone();
        order.requirement.extra = order.requirement.extra.with([("facilitatorAddress".to_owned(), who)]);
        order
    };
    assert_eq!(code(both.verify(&named(all.settler(2).address().into())).await), Code::FacilitatorMismatch);
    assert_eq!(code(both.verify(&named("0x12".into())).await), Code::InvalidPaymentRequirements);
    both.verify(&named(all.settler(1).address().to_lowercase().into())).await.unwrap();
    let mut nameless = offer.requirement.clone();
    nameless.extra = Extra::of_pairs(&[("assetTransferMethod", "permit2")]);
    let why = both.plan(&nameless, None).await.unwrap_err();
    assert_eq!((why.code, why.blame), (Code::InvalidPaymentRequirements, Blame::Payee));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_charged_once_and_for_one_amount() {
    let (devnet, house) = house().await;
    let order = house.pay(&devnet, chain(&devnet).usdc()).await;
    let (first, more, less, same) = (
        house.due(&order, 250).await,
        house.due(&order, 400).await,
        house.due(&order, 100).await,
        house.due(&order, 250).await,
    );
    let receipt = house.settler().settle(first).await.unwrap();
    assert_eq!(receipt.charged.atomic, 250);
    for due in [more, less] {
        let why = house.settler().settle(due).await.unwrap_err();
        assert_eq!((why.code, why.next), (Code::SettledOtherwise, Next::Never));
        assert_eq!(why.transaction.as_ref(), receipt.transaction());
    }
    assert_eq!(house.settler().settle(same).await.unwrap(), receipt, "the same again is the same");
    assert_eq!(code(house.verify(&order).await), Code::NonceUsed);

    // Through core's door: the same print gets its receipt, another amount is another request.
    let once = SettleOnce {
        read: tollway_upto_permit2::ENTRY.read,
        settler: house.settler(),
        ledger: &*house.ledger,
        clock: &*house.clock,
        room: "visit/test",
        owner: "test",
        patience_ms: 5_000,
    };
    let order = house.pay(&devnet, chain(&devnet).usdc()).await;
    let first = once.settle(order.clone(), 250, &"250".into()).await.unwrap();
    assert_eq!(once.settle(order.clone(), 250, &"250".into()).await.unwrap(), first);
    assert_eq!(code(once.settle(order, 400, &"400".into()).await), Code::ReplayedPayment);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_charged_after_the_deadline() {
    let (devnet, house) = house().await;
    let (order, twin) =
        (house.pay(&devnet, chain(&devnet).usdc()).await, house.pay(&devnet, chain(&devnet).usdc()).await);
    let due = house.due(&order, 250).await;
    house.settle(&twin, 250).await.unwrap();
    chain(&devnet).advance_time(std::time::Duration::from_secs(120)).await.unwrap();
    // The chain's time decides at verification, whatever the clock here says.
    assert_eq!(code(house.settler().verify(&order).await), Code::Expired);
    house.clock.move_on(120_000);
    assert_eq!(code(house.verify(&order).await), Code::Expired);
    let late = house.settler().settle(due).await.unwrap_err();
    assert_eq!((late.code, late.next), (Code::Expired, Next::Never));
    assert!(late.transaction.is_none(), "nothing was sent");
}

/// What is wrong with an order, and what it is refused with.
type Wrong = (&'static str, fn(&mut Order), Code);

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_order_has_its_own_refusal_beside_an_accepted_twin() {
    let (devnet, house) = house().await;
    let usdc = chain(&devnet).usdc();
    let cases: &[Wrong] = &[
        (
            "more is asked than was permitted",
            |o| o.requirement.price.0.atomic += 1,
            Code::ChargeExceedsCeiling,
        ),
        ("another ceiling was accepted", |o| o.payment.accepted.price.0.atomic += 1, Code::ValueMismatch),
        (
            "another payee",
            |o| {
                o.requirement.pay_to = Account::new(o.requirement.chain, &format!("0x{:0>40}", "77")).unwrap()
            },
            Code::RecipientMismatch,
        ),
        (
            "another token",
            |o| {
                let chain = o.requirement.chain;
                o.requirement.price.0.asset =
                    AssetId::new(chain, &TokenSpec::PLAIN.address.to_lowercase()).unwrap();
            },
            Code::AssetMismatch,
        ),
        ("another nonce", |o| set(o, "/permit2Authorization/nonce", "5"), Code::InvalidSignature),
        (
            "another deadline",
            |o| set(o, "/permit2Authorization/deadline", "4000000000"),
            Code::InvalidSignature,
        ),
        (
            "exact's proxy",
            |o| set(o, "/permit2Authorization/spender", "0x402085c248EeA27D92E8b30b2C58ed07f9E20001"),
            Code::InvalidSpender,
        ),
    ];
    for (what, change, code) in cases {
        let order = house.pay(&devnet, usdc).await;
        let mut wrong = order.clone();
        change(&mut wrong);
        let why = house.verify(&wrong).await.unwrap_err();
        assert_eq!(why.code, *code, "{what}: {why}");
        assert_eq!((why.blame, why.next), (Blame::Payer, Next::Never), "{what}");
        house.verify(&order).await.unwrap();
    }
    // Less than was signed for is what a settlement asks.
    let mut used = house.pay(&devnet, usdc).await;
    used.requirement.price.0.atomic = 17;
    let verified = house.verify(&used).await.unwrap();
    let charge = used.requirement.price.full();
    assert_eq!(house.settler().settle(verified.due(charge).unwrap()).await.unwrap().charged.atomic, 17);
}

fn set(order: &mut Order, pointer: &str, text: &str) {
    let mut payload = order.payment.payload.value();
    *payload.pointer_mut(pointer).unwrap() = text.into();
    order.payment.payload = Json::parse(payload.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_says_no_to_is_refused_before_gas_is_spent() {
    let (devnet, house) = house().await;
    let (chain, payer) = (chain(&devnet), devnet.accounts().payer(0).address());
    let usdc = chain.usdc();
    let order = house.pay(&devnet, usdc).await;
    let refused = async |want: Code| {
        let why = house.verify(&order).await.unwrap_err();
        assert_eq!(why.code, want, "{why}");
    };
    chain.set_allowance(usdc, payer, PERMIT2, CEILING - 1).await.unwrap();
    refused(Code::AllowanceRequired).await;
    assert_eq!(house.verify(&order).await.unwrap_err().next, Next::Prepare);
    // What was used may be covered where all of it is not.
    let mut used = order.clone();
    used.requirement.price.0.atomic = CEILING - 1;
    house.verify(&used).await.unwrap();
    chain.set_allowance(usdc, payer, PERMIT2, CEILING).await.unwrap();
    house.verify(&order).await.unwrap();

    let held = chain.usdc_balance(payer).await.unwrap();
    chain.set_usdc_balance(payer, 9_999).await.unwrap();
    refused(Code::InsufficientFunds).await;
    chain.set_token_balance(usdc, payer, held).await.unwrap();
    chain.blacklist_usdc(payer, true).await.unwrap();
    refused(Code::SimulationFailed).await;
    chain.blacklist_usdc(payer, false).await.unwrap();
    let code = chain.call("eth_getCode", json!([X402_UPTO_PERMIT2_PROXY, "latest"])).await.unwrap();
    chain.set_code(X402_UPTO_PERMIT2_PROXY, "0x").await.unwrap();
    refused(Code::ProxyNotDeployed).await;
    chain.set_code(X402_UPTO_PERMIT2_PROXY, code.as_str().unwrap()).await.unwrap();
    let one_round_trip = chain.counts().http_requests;
    house.verify(&order).await.unwrap();
    assert_eq!(chain.counts().http_requests - one_round_trip, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_keeps_a_part_is_found_out_and_not_taken_again() {
    let (devnet, house) = house().await;
    allow(&devnet, TokenSpec::FEE.address).await;
    let order = house.pay(&devnet, TokenSpec::FEE.address).await;
    let why = house.settle(&order, 5_000).await.unwrap_err();
    assert_eq!((why.code, why.blame), (Code::TokenKeepsPart, Blame::Payee));
    assert!(why.transaction.is_some());
    let again = house.pay(&devnet, TokenSpec::FEE.address).await;
    assert_eq!(code(house.verify(&again).await), Code::TokenKeepsPart);
    let usdc = house.pay(&devnet, chain(&devnet).usdc()).await;
    house.settle(&usdc, 5_000).await.unwrap();
}

/// Signs without an allowance, with what the 402 says is sponsored; charged, though nobody approved anything.
async fn sponsored(devnet: &Devnet, house: &House, token: &str) -> Order {
    let (offer, extensions) = house.offer(devnet, token).await;
    let plan = house.plan(&offer.requirement, extensions.clone()).await.unwrap();
    assert!(plan.actions.is_empty(), "nothing to do first");
    let sent = house.sign(&offer.requirement, extensions).await;
    let bare = Order { payment: Payment { extensions: None, ..sent.payment.clone() }, ..sent.order() };
    assert_eq!(code(house.verify(&bare).await), Code::AllowanceRequired);
    sent.order()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_allowance_is_made_up_for_by_a_permit() {
    let (devnet, house) = house().await;
    let (chain, token) = (chain(&devnet), TokenSpec::PERMIT.address);
    let merchant = devnet.accounts().merchant(0).address();
    let order = sponsored(&devnet, &house, token).await;
    let before = chain.token_balance(token, merchant).await.unwrap();
    let effort = house.settler().effort(&order).await.unwrap();
    assert_eq!(effort.works.len(), 1);
    let receipt = house.settle(&order, 777).await.unwrap();
    assert_eq!(receipt.charged.atomic, 777);
    assert_eq!(chain.token_balance(token, merchant).await.unwrap(), before + 777);
    // What is left of the permit is left of the allowance: enough for a charge, not for another ceiling.
    let again = sponsored(&devnet, &house, token).await;
    house.settle(&again, CEILING).await.unwrap();
}

/// A token that knows no permits: the payer signs an approval, and the settler pays for its gas and sends it first.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_allowance_is_made_up_for_by_an_approval_that_the_settler_pays_for() {
    let (devnet, house) = house().await;
    let (chain, token) = (chain(&devnet), TokenSpec::PLAIN.address);
    let (payer, merchant) = (devnet.accounts().payer(0).address(), devnet.accounts().merchant(0).address());
    chain.set_native_balance(payer, 0).await.unwrap();
    let order = sponsored(&devnet, &house, token).await;
    let before = chain.token_balance(token, merchant).await.unwrap();
    assert_eq!(house.settler().effort(&order).await.unwrap().works.len(), 3, "coins, approval, settlement");
    // Nothing used is nothing sponsored.
    assert_eq!(house.settle(&order, 0).await.unwrap().landed, Landed::Nothing);
    assert_eq!(chain.allowance(token, payer, PERMIT2).await.unwrap(), 0);
    let receipt = house.settle(&order, 777).await.unwrap();
    assert_eq!(receipt.charged.atomic, 777);
    assert_eq!(chain.token_balance(token, merchant).await.unwrap(), before + 777);
    // From now on it is there: an approval that comes along again is not paid for again.
    let (offer, extensions) = house.offer(&devnet, token).await;
    let again = house.sign(&offer.requirement, extensions).await.order();
    let coins = chain.native_balance(payer).await.unwrap();
    house.settle(&again, 1).await.unwrap();
    assert_eq!(chain.native_balance(payer).await.unwrap(), coins);
}

mod abi {
    alloy::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        struct Witness { address to; address facilitator; uint256 validAfter; }
        function settle(PermitTransferFrom permit, uint256 amount, address owner, Witness witness, bytes signature)
            external;
    }
}

/// The payer signs the same nonce for one unit and for itself to charge, and charges that.
async fn charged_by_the_payer(devnet: &Devnet, order: &Order) {
    let (chain, payer) = (chain(devnet), devnet.accounts().payer(0));
    let mut said = Signed::decode(&order.payment.payload, Proxy::Upto).unwrap().permit;
    (said.amount, said.witness.facilitator) = (U256::from(1), Some(said.from));
    let key: PrivateKeySigner = payer.private_key().parse().unwrap();
    let signature = key.sign_hash_sync(&said.digest(8453)).unwrap().as_bytes();
    let call = abi::settleCall {
        permit: abi::PermitTransferFrom {
            permitted: abi::TokenPermissions { token: said.token, amount: said.amount },
            nonce: said.nonce,
            deadline: said.deadline,
        },
        amount: said.amount,
        owner: said.from,
        witness: abi::Witness {
            to: said.witness.to,
            facilitator: said.from,
            validAfter: said.witness.valid_after,
        },
        signature: signature.to_vec().into(),
    };
    chain.call("anvil_impersonateAccount", json!([payer.address()])).await.unwrap();
    let data = alloy::hex::encode_prefixed(call.abi_encode());
    let tx = json!({"from": payer.address(), "to": X402_UPTO_PERMIT2_PROXY, "data": data, "gas": "0x7a120"});
    let tx = chain.call("eth_sendTransaction", json!([tx])).await.unwrap();
    while chain.call("eth_getTransactionReceipt", json!([tx])).await.unwrap().is_null() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let receipt = chain.call("eth_getTransactionReceipt", json!([tx])).await.unwrap();
    assert_eq!(receipt["status"], "0x1", "the payer charges itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_nonce_under_other_terms_is_no_payment() {
    let (devnet, house) = house().await;
    let usdc = chain(&devnet).usdc();
    let order = house.pay(&devnet, usdc).await;
    let due = house.due(&order, 5_000).await;
    charged_by_the_payer(&devnet, &order).await;
    assert_eq!(house.settler().resume(&order, None).await, Ok(Fate::Dead));
    let why = house.settler().settle(due).await.unwrap_err();
    assert_eq!((&why.code, &why.next), (&Code::TransactionFailed, &Next::Never));
    assert!(why.transaction.is_some() && why.spent.is_some());
    // A restart forgets nothing of the transaction that reverted.
    let again = house.settler().resume(&order, None).await.unwrap_err();
    assert_eq!((again.code, again.transaction, again.spent), (why.code, why.transaction, why.spent));
}

/// What was used is in the note alone: the next life takes that much, from the account that was signed for.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_noted_and_never_sent_is_charged_by_the_next_life_once() {
    let (devnet, house) = house().await;
    let (chain, merchant) = (chain(&devnet), devnet.accounts().merchant(0).address());
    let order = house.pay(&devnet, chain.usdc()).await;
    let once = SettleOnce {
        read: tollway_upto_permit2::ENTRY.read,
        settler: house.settler(),
        ledger: &*house.ledger,
        clock: &*house.clock,
        room: "visit/test",
        owner: "me",
        patience_ms: 5_000,
    };
    let before = chain.usdc_balance(merchant).await.unwrap();
    noted_and_never_sent(&once, &order, 3_456).await;
    assert_eq!(house.settler().resume(&order, None).await, Ok(Fate::Open { cancel: None }), "only looked at");
    let (one, two) = tokio::join!(recovered(&once), recovered(&once));
    let receipt = one.first().or(two.first()).expect("settled");
    assert_eq!(receipt.charged.atomic, 3_456);
    assert_eq!(chain.usdc_balance(merchant).await.unwrap(), before + 3_456);
    // Where each of them took the record from the other, the next look ends it.
    recovered(&once).await;
    assert!(house.ledger.scan("visit/test", None, 9).await.unwrap().is_empty());
    let Ok(Fate::Settled(again)) = house.settler().resume(&order, None).await else { panic!("settled") };
    assert_eq!((&again.landed, again.charged), (&receipt.landed, receipt.charged));

    // Whoever has no key of the account that was signed for leaves it open.
    let all = devnet.accounts();
    let other = House::open(&devnet, all.payer(0), &[all.settler(1)]).await;
    let order = house.pay(&devnet, chain.usdc()).await;
    let told = Some(Amount::new(order.requirement.price.asset(), 100));
    assert_eq!(other.settler().resume(&order, told).await, Ok(Fate::Open { cancel: None }));
}
