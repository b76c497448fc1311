//! Accounts whose code is out for the settler's gas, or for something for nothing, whichever way they pay.

use crate::house::{House, gas, settle};
use alloy::primitives::{Address, U256};
use std::sync::Arc;
use tollway_core::{Blame, Code, Fate, Next, Order, Settler};
use tollway_evm::Evm;

const WALLET: Address = House::WALLET;
const PURSE: u128 = 1_000_000;

/// Code that judges otherwise after it was verified, in four ways, costs nothing. `signed` makes a payment from an account.
pub async fn turncoats(
    house: &House,
    settler: &Arc<dyn Settler>,
    signed: impl Fn(Address, &'static str) -> Order,
) {
    let (me, judge) = (house.key.address(), House::JUDGE);
    house.place(judge, "KeyWallet", U256::ZERO).await;
    let before = house.sent().await;
    for what in ["turned", "swapped", "gone", "delegated elsewhere"] {
        house.place(WALLET, "TurncoatWallet", U256::ZERO).await;
        house.store(me, U256::ZERO).await;
        house.delegate(me, judge).await;
        let from = if what == "delegated elsewhere" { me } else { WALLET };
        let order = signed(from, what);
        let verified = house.verify(settler, &order).await.expect(what);
        match what {
            "turned" => house.store(WALLET, U256::ONE).await,
            "swapped" => house.place(WALLET, "OwnedWallet", U256::ONE).await,
            "gone" => house.chain().set_code(&WALLET.to_string(), "0x").await.expect(what),
            _ => {
                // The delegate turns as well: storage is the delegating account's own.
                house.delegate(me, WALLET).await;
                house.store(me, U256::ONE).await;
            }
        }
        let e = settle(settler, verified).await.expect_err(what);
        assert_eq!((e.code, e.next), (Code::InvalidSignature, Next::Never), "{what}");
        assert_eq!(house.sent().await, before, "{what}: nothing was sent");
        assert_eq!(house.holds(from).await, PURSE, "{what}");
        let fate = settler.resume(&order, None).await;
        assert!(matches!(fate, Ok(Fate::Open { .. })), "{what}: still spendable, not {fate:?}");
    }
}

/// Code that lies to a simulation costs one transaction of the limit at most.
pub async fn liar(
    house: &House,
    settler: &Arc<dyn Settler>,
    signed: impl Fn(Address, &'static str) -> Order,
) {
    house.place(WALLET, "ChameleonWallet", U256::ZERO).await;
    let order = signed(WALLET, "lie");
    let verified = house.verify(settler, &order).await.expect("a payment");
    let (told, before) = (gas(settler, &order).await, house.sent().await);
    let e = settle(settler, verified).await.expect_err("a lie");
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    assert_eq!(house.sent().await, before + U256::ONE);
    let tx = e.transaction.expect("a transaction");
    let mined = house.evm.mined(&tx).await.expect("the devnet").expect("a receipt");
    assert!(!mined.success && mined.gas_used <= told + told / 4 + 10_000, "{} of {told}", mined.gas_used);
    assert_eq!(house.holds(WALLET).await, PURSE);
    assert_eq!(house.holds(house.payee()).await % u128::from(House::PRICE), 0);
}

/// Code that burns gas is priced up to the usual settler's limit and refused beyond it, by the strict one sooner; an account
/// that is modest is told less than `modest_max`, whatever the others took.
pub async fn burners(
    house: &House,
    [usual, strict]: &[Arc<dyn Settler>; 2],
    modest_max: u64,
    signed: impl Fn(Address, &'static str) -> Order,
) {
    let before = house.sent().await;
    let burner = async |appetite: U256, nonce: &'static str| {
        house.place(WALLET, "GreedyWallet", appetite).await;
        signed(WALLET, nonce)
    };
    for (appetite, nonce) in [(U256::from(30_000_000), "a block"), (U256::MAX, "all there is")] {
        let order = burner(appetite, nonce).await;
        for settler in [usual, strict] {
            let e = house.verify(settler, &order).await.expect_err(nonce);
            let right = (Code::SignatureGas, Blame::Payer, Next::OtherRoute);
            assert_eq!((e.code, e.blame, e.next), right, "{nonce}");
            assert!(e.detail.contains("signature_gas_max"), "{}", e.detail);
        }
    }
    let order = burner(U256::from(300_000), "dear").await;
    assert_eq!(house.code(strict, &order).await, Some(Code::SignatureGas));
    let verified = house.verify(usual, &order).await.expect("within the limit");
    let told = gas(usual, &order).await;
    assert!(told > 350_000, "what it will use is told before it is paid: {told}");
    assert_eq!(house.sent().await, before);
    settle(usual, verified).await.expect("a receipt");
    // What was cheap when it was verified may not become dear before it is sent: that was not counted with.
    let order = burner(U256::ZERO, "hungry later").await;
    let verified = house.verify(usual, &order).await.expect("within the limit");
    house.store(WALLET, U256::from(300_000)).await;
    let sent = house.sent().await;
    let e = settle(usual, verified).await.expect_err("dearer");
    assert_eq!((e.code, e.next), (Code::SignatureGas, Next::OtherRoute));
    assert_eq!(house.sent().await, sent);
    // One greedy account makes no other one dear.
    house.place(WALLET, "OwnedWallet", U256::from_be_slice(house.key.address().as_slice())).await;
    let modest = signed(WALLET, "modest");
    house.verify(usual, &modest).await.expect("a modest account");
    let told = gas(usual, &modest).await;
    assert!(told < modest_max, "{told}");
}
