//! What is signed, and what it binds.

use super::{MARGIN_MS, faults::*};
use serde::{Deserialize, Serialize};
use tollway_core::{
    Account, Amount, AssetId, Ceiling, ChainId, Code, Error, Json, Order, ReplayKey, Requirement, Result,
    Terms, Time,
};
use tollway_testkit::sim::{FAMILY, SimCall};

/// The payload.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Pass {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) amount: String,
    pub(crate) valid_after: u64,
    pub(crate) valid_before: u64,
    pub(crate) nonce: String,
    pub(crate) signature: String,
}

/// What the token is called with.
#[derive(Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) pass: Pass,
    /// How much of it is taken, in atomic units; all of it where nothing is said.
    pub(crate) take: Option<String>,
    /// Words for the books; they cost gas and do nothing else.
    pub(crate) memo: String,
    /// Whether the window matters.
    pub(crate) timed: bool,
}

impl Pass {
    pub(crate) fn decode<const F: u8>(payload: &Json) -> Result<Self> {
        if F == TAKES_KEYS_TWICE {
            let last_of_each: serde_json::Value = payload.value();
            return serde_json::from_value(last_of_each).map_err(|_| Error::payer(Code::InvalidPayload));
        }
        if F == LEAKS_THE_SIGNATURE_IN_ERRORS {
            let words = || Error::payer(Code::InvalidPayload).detail(payload.as_str());
            return serde_json::from_str(payload.as_str()).map_err(|_| words());
        }
        if F == BLAMES_US {
            return payload.read().map_err(|_| Error::us(Code::Internal));
        }
        payload.read()
    }

    pub(crate) fn encode<const F: u8>(&self) -> Json {
        let mut value = serde_json::to_value(self).unwrap();
        if F == WRITES_WHAT_IT_CANNOT_READ {
            value["amount"] = self.amount.parse::<u64>().unwrap().into();
        }
        Json::of(&value)
    }

    /// The bytes that are signed.
    pub(crate) fn message<const F: u8>(&self, asset: &AssetId) -> Vec<u8> {
        let unless = |fault: u8, text: &str| if F == fault { String::new() } else { text.to_owned() };
        [
            unless(FORGETS_THE_NETWORK, asset.chain.as_str()),
            unless(FORGETS_THE_ASSET, asset.key()),
            self.from.clone(),
            unless(FORGETS_THE_PAYEE, &self.to),
            unless(FORGETS_THE_AMOUNT, &self.amount),
            self.valid_after.to_string(),
            self.valid_before.to_string(),
            self.nonce.clone(),
        ]
        .join("|")
        .into_bytes()
    }

    pub(crate) fn until(&self) -> Time {
        Time::from_secs(self.valid_before)
    }

    pub(crate) fn replay_key(&self, asset: &AssetId) -> ReplayKey {
        format!("toll:{asset}:{}:{}", self.from, self.nonce).into()
    }

    /// The call that brings it to its token.
    pub(crate) fn call(&self, want: &Requirement, take: Option<u128>, timed: bool) -> Result<SimCall> {
        let memo = want.extra.map().get("memo").and_then(|m| m.as_str()).unwrap_or_default().to_owned();
        let asset = want.price.asset();
        let call = Call { pass: self.clone(), take: take.map(|n| n.to_string()), memo, timed };
        Ok(SimCall::new(Account::new(asset.chain, asset.key())?, serde_json::to_vec(&call).unwrap()))
    }
}

/// The canonical account of an address that is written canonically.
pub(crate) fn somebody(chain: ChainId, address: &str) -> Result<Account> {
    let bad = || Error::payer(Code::InvalidPayload).detail("not a canonical address");
    let read = FAMILY.account(chain, address).map_err(|_| bad())?;
    if read.address() == address { Ok(read) } else { Err(bad()) }
}

pub(crate) fn read<const F: u8>(order: &Order) -> Result<Terms> {
    let want = &order.requirement;
    let pass = Pass::decode::<F>(&order.payment.payload)?;
    let (from, to) = (somebody(want.chain, &pass.from)?, somebody(want.chain, &pass.to)?);
    let amount = Amount::parse_atomic(&pass.amount).map_err(|_| Error::payer(Code::InvalidPayload))?;
    if amount != want.price.atomic() {
        return Err(Error::payer(Code::ValueMismatch).detail(format!("{amount} were signed")));
    }
    if want.price.asset().chain != want.chain {
        return Err(Error::payer(Code::InvalidNetwork).detail("chain and asset disagree"));
    }
    let ceiling = match F {
        CEILING_WITHOUT_END => u128::MAX,
        READS_ANY_CEILING => amount * 2,
        _ => amount,
    };
    Ok(Terms {
        payer: Some(from),
        payee: if F == FORGETS_TO_COMPARE_THE_PAYEE { want.pay_to } else { to },
        ceiling: Ceiling(Amount::new(want.price.asset(), ceiling)),
        replay: vec![pass.replay_key(&want.price.asset())],
        not_before: if F == ACCEPTS_THE_EARLY { Time::ZERO } else { Time::from_secs(pass.valid_after) },
        settle_before: match F {
            ACCEPTS_THE_EXPIRED => pass.until().plus_ms(3_600_000),
            _ => pass.until().minus_ms(MARGIN_MS),
        },
    })
}
