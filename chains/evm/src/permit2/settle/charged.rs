//! What a transaction took, held against what was to be taken.

use super::super::{Permit, Token, moved, receipt};
use crate::Mined;
use alloy::primitives::U256;
use tollway_core::{Amount, AssetId, Blame, Code, Error, Next, Receipt, Result};

/// How much our mined transaction moved from payer to payee, by the token's own logs.
///
/// # Errors
/// [`Code::TransferEventMismatch`] when it moved nothing.
pub(super) fn taken(token: &Token, permit: &Permit, mined: &Mined) -> Result<U256> {
    moved(&mined.logs, token.address, permit.from, permit.witness.to).ok_or_else(|| {
        let (from, to, by) = (permit.from, permit.witness.to, token.address);
        mismatch(
            token,
            mined,
            Code::TransferEventMismatch,
            format!("without a Transfer from {from} to {to} by the token {by}"),
        )
    })
}

/// The receipt of a charge, when that is what was taken.
///
/// # Errors
/// [`Code::Overcharged`] for more; [`Code::TokenKeepsPart`] for less; those of [`taken`].
pub(super) fn fair(token: &Token, permit: &Permit, mined: &Mined, charge: u128) -> Result<Receipt> {
    let (taken, charge) = (taken(token, permit, mined)?, U256::from(charge));
    if taken > charge {
        return Err(Error::settler(Code::Overcharged)
            .detail(format!("{charge} atomic units were to be taken, {} took {taken}", mined.tx))
            // More has moved all the same.
            .next(Next::Unknown(Some(mined.tx.clone())))
            .transaction(mined.tx.clone())
            .spent(cost(token, mined)));
    }
    if taken < charge {
        let words = format!("and the payee got {taken} atomic units of {charge}: the token keeps a part");
        return Err(mismatch(token, mined, Code::TokenKeepsPart, words));
    }
    receipt_of(token, permit, mined, taken)
}

/// The receipt of what was taken.
pub(super) fn receipt_of(token: &Token, permit: &Permit, mined: &Mined, taken: U256) -> Result<Receipt> {
    receipt(permit.from, amount(token, taken)?, mined.tx.clone(), Some(mined.cost_wei))
}

/// So much of the token.
pub(super) fn amount(token: &Token, units: U256) -> Result<Amount> {
    Ok(Amount::new(token.asset, atomic(units)?))
}

/// So many atomic units.
pub(super) fn atomic(units: U256) -> Result<u128> {
    u128::try_from(units)
        .map_err(|_| Error::us(Code::Internal).detail("an amount above 128 bits was never asked"))
}

/// The payment was settled before, for something else than is asked now.
pub(super) fn settled_otherwise(found: &Receipt, charge: u128) -> Error {
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

fn cost(token: &Token, mined: &Mined) -> Amount {
    Amount::new(AssetId::native(token.asset.chain), mined.cost_wei)
}

fn mismatch(token: &Token, mined: &Mined, code: Code, words: String) -> Error {
    Error::new(code, Blame::Payee, Next::Never)
        .detail(format!("transaction {} succeeded {words}", mined.tx))
        .transaction(mined.tx.clone())
        .spent(cost(token, mined))
}

#[cfg(test)]
mod tests {
    use super::super::super::{Proxy, Witness};
    use super::*;
    use crate::Landing;
    use alloy::primitives::{Address, B256, keccak256};
    use tollway_core::{ChainId, TxId};

    fn permit() -> Permit {
        Permit {
            from: Address::repeat_byte(1),
            token: Address::repeat_byte(9),
            amount: U256::from(1_000),
            spender: Proxy::Upto.address(),
            nonce: U256::from(7),
            deadline: U256::from(99),
            witness: Witness { to: Address::repeat_byte(3), facilitator: None, valid_after: U256::ZERO },
        }
    }

    fn token() -> Token {
        let (chain, address) = (ChainId::new("eip155:8453").unwrap(), permit().token);
        let asset = AssetId::new(chain, &format!("{address:#x}")).unwrap();
        Token { asset, address, known: false }
    }

    fn mined(transfers: &[(Address, u64)]) -> Mined {
        let tx = TxId(format!("0x{:064x}", 1));
        let permit = permit();
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
        let judge = |transfers: &[(Address, u64)]| fair(&token(), &permit(), &mined(transfers), 250);
        assert_eq!(judge(&[(payee, 250)]).unwrap().charged.atomic, 250);
        assert_eq!(judge(&[(other, 7), (payee, 250)]).unwrap().charged.atomic, 250);
        let over = judge(&[(payee, 251)]).unwrap_err();
        assert!(over.is_unknown_outcome() && over.spent.is_some(), "more has moved all the same");
        let code = |transfers: &[(Address, u64)]| judge(transfers).unwrap_err().code;
        assert_eq!(code(&[(payee, 251)]), Code::Overcharged);
        assert_eq!(code(&[(payee, 250), (payee, 1)]), Code::Overcharged, "all that the payee got");
        assert_eq!(code(&[(payee, 249)]), Code::TokenKeepsPart);
        assert_eq!(code(&[(other, 250)]), Code::TransferEventMismatch);
        assert_eq!(code(&[]), Code::TransferEventMismatch);
    }
}
