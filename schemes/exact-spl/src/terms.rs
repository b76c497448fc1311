//! Reading a payload into terms: the one function that payer, seller and facilitator share.

use crate::asked::Asked;
use crate::payload;
use crate::shape::{self, Judged, MessageHash};
use crate::wallet;
use crate::wire::Tx;
use tollway_core::{ChainId, Order, ReplayKey, Result, Terms, Time};
use tollway_solana::{Hash, address};

/// What a payload binds. Pure, no I/O; the registry's `read` for this scheme.
///
/// The payer's signature is checked here and not by the settler alone, so that a forged payload is refused
/// before anything is asked of a node, and because a node's simulation does not look at signatures.
///
/// The terms have no window of their own: a transaction dies with its blockhash, which is counted in blocks
/// and known to the chain alone.
///
/// # Errors
/// [`tollway_core::Code::InvalidPayload`] and others for the form, and one code for each way in which a
/// transaction does something else than pay exactly what was asked.
pub fn read(order: &Order) -> Result<Terms> {
    let packet = payload::decode(&order.payment.payload)?;
    terms(order, &judged(order, &packet)?)
}

/// The transaction in `packet`, read and judged by the order.
pub(crate) fn judged(order: &Order, packet: &[u8]) -> Result<Judged> {
    let asked = Asked::of(&order.requirement)?;
    let tx = Tx::read(packet)?;
    // Which of the two it is shows in whom it calls; whether smart wallets are taken, the seller's own offer
    // says.
    if asked.smart_wallets && wallet::calls_one(&tx) {
        wallet::judge(&asked, &tx)
    } else {
        shape::judge(&asked, &tx)
    }
}

fn terms(order: &Order, judged: &Judged) -> Result<Terms> {
    let want = &order.requirement;
    Ok(Terms {
        // A smart wallet's payer is inside of it.
        payer: judged.transfer.map(|t| address::account(want.chain, &t.payer)).transpose()?,
        payee: want.pay_to,
        ceiling: want.price,
        replay: vec![replay_key(&want.chain, &judged.hash)],
        not_before: Time::ZERO,
        settle_before: Time::FAR,
    })
}

/// What makes a payment usable once: its message. The fee payer's signature is not part of it, so the same
/// message under other signatures, or in other base64, is the same payment.
pub(crate) fn replay_key(chain: &ChainId, hash: &MessageHash) -> ReplayKey {
    ReplayKey(["spl", chain.as_str(), &Hash::new_from_array(*hash).to_string()].join(":"))
}
