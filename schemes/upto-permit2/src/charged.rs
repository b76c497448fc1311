//! What a transaction took, held against what was to be taken.

use alloy::primitives::U256;
use tollway_core::{Amount, AssetId, Blame, Code, Error, Next, Receipt, Result};
use tollway_evm::Mined;
use tollway_evm::permit2::{Bound, moved, receipt};

/// How much our mined transaction moved from payer to payee, by the token's own logs.
///
/// # Errors
/// [`Code::TransferEventMismatch`] when it moved nothing.
pub(crate) fn taken(bound: &Bound, mined: &Mined) -> Result<U256> {
    let (token, permit) = (bound.token.address, &bound.signed.permit);
    moved(&mined.logs, token, permit.from, permit.witness.to).ok_or_else(|| {
        mismatch(
            bound,
            mined,
            format!("without a Transfer from {} to {} by the token {token}", permit.from, permit.witness.to),
        )
    })
}

/// The receipt of a charge, when that is what was taken.
///
/// # Errors
/// [`Code::Overcharged`] for more; [`Code::TransferEventMismatch`] for less, as from a token that keeps a part.
pub(crate) fn fair(bound: &Bound, mined: &Mined, charge: u128) -> Result<Receipt> {
    let (taken, charge) = (taken(bound, mined)?, U256::from(charge));
    if taken > charge {
        return Err(Error::settler(Code::Overcharged)
            .detail(format!("{charge} atomic units were to be taken, {} took {taken}", mined.tx))
            // More has moved all the same.
            .next(Next::Unknown(Some(mined.tx.clone())))
            .transaction(mined.tx.clone())
            .spent(cost(bound, mined)));
    }
    if taken < charge {
        return Err(mismatch(
            bound,
            mined,
            format!("and the payee got {taken} atomic units of {charge}: the token keeps a part"),
        ));
    }
    receipt_of(bound, mined, taken)
}

/// The receipt of what was taken.
pub(crate) fn receipt_of(bound: &Bound, mined: &Mined, taken: U256) -> Result<Receipt> {
    receipt(bound.signed.permit.from, amount(bound, taken)?, mined.tx.clone(), Some(mined.cost_wei))
}

/// So much of the token.
pub(crate) fn amount(bound: &Bound, atomic: U256) -> Result<Amount> {
    let atomic = u128::try_from(atomic)
        .map_err(|_| Error::us(Code::Internal).detail("an amount above 128 bits was never asked"))?;
    Ok(Amount::new(bound.token.asset, atomic))
}

/// The payment was settled before, for something else than is asked now.
pub(crate) fn settled_otherwise(found: &Receipt, charge: u128) -> Error {
    let e = Error::payer(Code::SettledOtherwise)
        .detail(format!("it was settled for {} before; {charge} atomic units are asked now", found.charged));
    let e = match found.transaction() {
        Some(tx) => e.transaction(tx.clone()),
        None => e,
    };
    match &found.spent {
        Some(spent) => e.spent(spent.cost),
        None => e,
    }
}

fn cost(bound: &Bound, mined: &Mined) -> Amount {
    Amount::new(AssetId::native(bound.token.asset.chain), mined.cost_wei)
}

fn mismatch(bound: &Bound, mined: &Mined, words: String) -> Error {
    Error::new(Code::TransferEventMismatch, Blame::Payee, Next::Never)
        .detail(format!("transaction {} succeeded {words}", mined.tx))
        .transaction(mined.tx.clone())
        .spent(cost(bound, mined))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, B256, keccak256};
    use tollway_core::{ChainId, TxId};
    use tollway_evm::Landing;
    use tollway_evm::permit2::{Permit, Proxy, Signed, Sponsored, Token, Witness};

    fn bound() -> Bound {
        let chain = ChainId::new("eip155:8453").unwrap();
        let address = Address::repeat_byte(9);
        let permit = Permit {
            from: Address::repeat_byte(1),
            token: address,
            amount: U256::from(1_000),
            spender: Proxy::Upto.address(),
            nonce: U256::from(7),
            deadline: U256::from(99),
            witness: Witness { to: Address::repeat_byte(3), facilitator: None, valid_after: U256::ZERO },
        };
        let asset = AssetId::new(chain, &format!("{address:#x}")).unwrap();
        Bound {
            token: Token { asset, address, known: false },
            signed: Signed { permit, signature: [27; 65] },
            sponsored: Sponsored::No,
        }
    }

    fn mined(transfers: &[(Address, u64)]) -> Mined {
        let tx = TxId(format!("0x{:064x}", 1));
        let permit = bound().signed.permit;
        let kind = keccak256("Transfer(address,address,uint256)");
        let topics = |to: Address| vec![kind, permit.from.into_word(), to.into_word()];
        let log = |(to, value): &(Address, u64)| Landing {
            address: permit.token,
            topics: topics(*to),
            data: B256::from(U256::from(*value)).to_vec().into(),
            tx: tx.clone(),
            block: 1,
        };
        let logs = transfers.iter().map(log).collect();
        Mined { tx: tx.clone(), block: 1, success: true, gas_used: 1, cost_wei: 1, logs }
    }

    #[test]
    fn only_the_very_charge_is_fair() {
        let (payee, other) = (Address::repeat_byte(3), Address::repeat_byte(4));
        let judge = |transfers: &[(Address, u64)]| fair(&bound(), &mined(transfers), 250);
        assert_eq!(judge(&[(payee, 250)]).unwrap().charged.atomic, 250);
        assert_eq!(judge(&[(other, 7), (payee, 250)]).unwrap().charged.atomic, 250);
        let over = judge(&[(payee, 251)]).unwrap_err();
        assert!(over.is_unknown_outcome() && over.spent.is_some(), "more has moved all the same");
        let code = |transfers: &[(Address, u64)]| judge(transfers).unwrap_err().code;
        assert_eq!(code(&[(payee, 251)]), Code::Overcharged);
        assert_eq!(code(&[(payee, 250), (payee, 1)]), Code::Overcharged, "all that the payee got");
        assert_eq!(code(&[(payee, 249)]), Code::TransferEventMismatch);
        assert_eq!(code(&[(other, 250)]), Code::TransferEventMismatch);
        assert_eq!(code(&[]), Code::TransferEventMismatch);
    }
}
