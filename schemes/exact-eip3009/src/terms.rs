//! Reading a payload into terms: the one function that payer, seller and facilitator share.

use crate::payload::Signed;
use alloy::hex;
use alloy::primitives::{Address, B256, U256};
use serde::Deserialize;
use std::borrow::Cow;
use tollway_core::{
    Amount, AssetId, Ceiling, ChainId, Code, Error, Extra, Order, ReplayKey, Requirement, Result, Terms, Time,
};
use tollway_evm::FAMILY;
use tollway_evm::address;
use tollway_evm::custody::TokenDomain;
use tollway_evm::eip712::{self, Transfer};
use tollway_evm::signature::Check;

/// A transfer that lands later than this before `validBefore` may miss its block. Source: x402 `exact` on EVM, which
/// asks for `validBefore >= now + 6`.
pub(crate) const MARGIN_MS: u64 = 6_000;

/// The contract that an authorization is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) asset: AssetId,
    pub(crate) address: Address,
    /// True when it stands in the table of known tokens.
    pub(crate) known: bool,
}

/// A token with its EIP-712 domain: what it takes to sign for it and to check signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rail {
    pub(crate) token: Token,
    separator: B256,
}

/// `extra` of an EIP-3009 entry.
#[derive(Deserialize)]
struct Domain<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
}

/// serde borrows a bare `Cow` when told to, but never one inside an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Token {
    /// Of a requirement; the domain is not looked at.
    ///
    /// # Errors
    /// [`Code::InvalidNetwork`] when chain and asset disagree, [`Code::InvalidAddress`].
    pub(crate) fn of(r: &Requirement) -> Result<Self> {
        let asset = r.price.asset();
        if asset.chain != r.chain {
            return Err(Error::payee(Code::InvalidNetwork).detail(format!("{asset} is not on {}", r.chain)));
        }
        Self::of_asset(asset)
    }

    fn of_asset(asset: AssetId) -> Result<Self> {
        let known = FAMILY.known(&asset).is_some();
        Ok(Self { asset, address: address::parse(asset.key())?, known })
    }

    pub(crate) fn chain(&self) -> ChainId {
        self.asset.chain
    }

    /// What makes an authorization usable once: the token keeps one state per payer and nonce. Source: EIP-3009.
    pub(crate) fn replay_key(&self, from: Address, nonce: B256) -> ReplayKey {
        let (mut a, mut b, mut c) =
            (hex::Buffer::<20, true>::new(), hex::Buffer::<20, true>::new(), hex::Buffer::<32, true>::new());
        let (token, from, nonce) = (a.format(&self.address), b.format(&from), c.format(&nonce));
        ReplayKey(["eip3009", self.asset.chain.as_str(), token, from, nonce].join(":"))
    }
}

impl Rail {
    /// Of a requirement.
    ///
    /// # Errors
    /// Those of [`Token::of`] and [`Rail::of_asset`].
    pub(crate) fn of(r: &Requirement) -> Result<Self> {
        Self::with_domain(Token::of(r)?, &r.extra)
    }

    /// Of an asset and the domain in `extra`.
    ///
    /// # Errors
    /// [`Code::InvalidNetwork`], [`Code::InvalidAddress`], [`Code::MissingDomain`]; [`Code::DomainNameMismatch`] and
    /// [`Code::DomainVersionMismatch`] when it contradicts the table of known tokens: a signature for such a domain
    /// would look right here and be worthless, or worth something elsewhere.
    pub(crate) fn of_asset(asset: AssetId, extra: &Extra) -> Result<Self> {
        Self::with_domain(Token::of_asset(asset)?, extra)
    }

    fn with_domain(token: Token, extra: &Extra) -> Result<Self> {
        let id = address::eip155(&token.chain())?;
        let domain: Domain<'_> = extra.read()?;
        let (name, version) = (domain.name.as_ref().map(|t| &*t.0), domain.version.as_ref().map(|t| &*t.0));
        eip712::check_domain(&token.asset, name, version)?;
        let (name, version) = (name.unwrap_or_default(), version.unwrap_or_default());
        Ok(Self { token, separator: eip712::separator(name, version, id, token.address) })
    }

    /// True when this is the token's domain.
    pub(crate) fn has_domain(&self, name: &str, version: &str) -> bool {
        let id = address::eip155(&self.token.chain());
        id.is_ok_and(|id| eip712::separator(name, version, id, self.token.address) == self.separator)
    }

    /// What is signed to transfer.
    pub(crate) fn transfer_digest(&self, transfer: &Transfer) -> B256 {
        transfer.digest(&self.separator)
    }

    /// The domain that `extra` named when this was read from it, for whoever signs.
    ///
    /// # Errors
    /// [`Code::InvalidNetwork`]; [`Code::Internal`] when `extra` is another's.
    pub(crate) fn domain<'a>(&self, extra: &'a Extra) -> Result<TokenDomain<'a>> {
        let Domain { name, version } = extra.read()?;
        let (name, version) =
            (name.map(|t| t.0).unwrap_or_default(), version.map(|t| t.0).unwrap_or_default());
        let chain_id = address::eip155(&self.token.chain())?;
        let domain = TokenDomain { name, version, chain_id, token: self.token.address };
        if domain.separator() == self.separator {
            return Ok(domain);
        }
        Err(Error::us(Code::Internal)
            .detail("extra names another EIP-712 domain than the one that was checked"))
    }
}

/// A payment, decoded and bound to its order.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) rail: Rail,
    pub(crate) signed: Signed,
    /// Whether the payer's own key signed, or only its code can tell.
    pub(crate) check: Check,
}

/// What a payload binds. Pure, no I/O; the registry's `read` for this scheme.
///
/// A signature by the payer's own key is proven here. Any other may still be right for an account with code, which only
/// the chain knows: its terms are what it *says*, and [`Settler::verify`](tollway_core::Settler::verify), which comes
/// before anything is claimed or served, is what proves them. [`read_by_key`] takes none of those.
///
/// # Errors
/// [`Code::InvalidPayload`] for the form; [`Code::ValueMismatch`] unless the very amount was signed ("exact": neither
/// more nor less); [`Code::RecipientMismatch`]; [`Code::InvalidSignature`] for one of no known form; the token's domain
/// errors ([`Code::MissingDomain`], [`Code::DomainNameMismatch`], [`Code::DomainVersionMismatch`]).
pub fn read(order: &Order) -> Result<Terms> {
    let bound = bound(order)?;
    terms(&bound.rail.token, &bound.signed.transfer, &order.requirement)
}

/// The same, of payments that need no chain to be believed: signed by the key of the very account that pays. For whoever
/// has no node and nobody to ask, such as a wallet that looks at its own payment.
///
/// # Errors
/// Those of [`read`]; [`Code::InvalidSignature`] unless the payer's key signed.
pub fn read_by_key(order: &Order) -> Result<Terms> {
    let bound = bound(order)?;
    match bound.check {
        Check::Key(_) => terms(&bound.rail.token, &bound.signed.transfer, &order.requirement),
        Check::AskAccount(why) => Err(why),
    }
}

/// The payload, decoded and bound to the order: right amount, right payee, and what can be said of the signature.
pub(crate) fn bound(order: &Order) -> Result<Bound> {
    let want = &order.requirement;
    let signed = Signed::decode(&order.payment.payload)?;
    let asked = U256::from(want.price.atomic());
    let said = &signed.transfer;
    if said.value != asked {
        return Err(Error::payer(Code::ValueMismatch)
            .detail(format!("signed {} atomic units, exactly {asked} were asked", said.value)));
    }
    if said.to != address::parse(want.pay_to.address())? {
        return Err(Error::payer(Code::RecipientMismatch).detail(format!(
            "signed for {}, asked {}",
            said.to,
            want.pay_to.address()
        )));
    }
    let rail = Rail::of(want)?;
    let check = signed.signature.check(&rail.transfer_digest(said), said.from);
    Ok(Bound { rail, signed, check })
}

fn terms(token: &Token, said: &Transfer, want: &Requirement) -> Result<Terms> {
    let amount = Amount::new(token.asset, want.price.atomic());
    let until = moment(said.valid_before);
    Ok(Terms {
        payer: Some(address::account(token.chain(), &said.from)?),
        payee: want.pay_to,
        ceiling: Ceiling(amount),
        replay: vec![token.replay_key(said.from, said.nonce)],
        // No allowance for skewed clocks: serving before the chain would take the payment is serving unpaid.
        not_before: moment(said.valid_after),
        settle_before: if until == Time::FAR { until } else { until.minus_ms(MARGIN_MS) },
    })
}

/// A chain's seconds as a moment. Windows are 256-bit on chain; what does not fit is later than any real moment.
pub(crate) fn moment(secs: U256) -> Time {
    u64::try_from(secs).map_or(Time::FAR, Time::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::b256;
    use tollway_core::{Json, Version, wire};

    const GOLDEN: &str = r#"{"signature":"0x00000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000001ff","authorization":{"from":"0x0000000000000000000000000000000000001111","to":"0x0000000000000000000000000000000000003333","value":"10000","validAfter":"0","validBefore":"1740672154","nonce":"0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"}}"#;

    fn requirement() -> Requirement {
        let raw = r#"{"scheme":"exact","network":"eip155:84532","amount":"10000","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x0000000000000000000000000000000000003333","maxTimeoutSeconds":60,"extra":{"name":"USDC","version":"2"}}"#;
        wire::read_requirement(&Json::parse(raw).unwrap(), Version::V2, &[FAMILY]).unwrap()
    }
    fn golden() -> Transfer {
        Signed::decode(&Json::parse(GOLDEN.replace("01ff", "011b")).unwrap()).unwrap().transfer
    }

    #[test]
    fn the_payload_path_gives_the_golden_digest() {
        let rail = Rail::of(&requirement()).unwrap();
        assert!(rail.token.known);
        assert_eq!(
            rail.transfer_digest(&golden()),
            b256!("c5df6db0d7fba7964bc0c71b492de80dd50b98b90976cacc4148c7730c2bfd7a")
        );
    }

    #[test]
    fn replay_keys_are_lowercase_and_name_chain_token_payer_and_nonce() {
        let (rail, said) = (Rail::of(&requirement()).unwrap(), golden());
        assert_eq!(
            rail.token.replay_key(said.from, said.nonce).0,
            "eip3009:eip155:84532:0x036cbd53842c5426634e7929541ec2318f3dcf7e:\
             0x0000000000000000000000000000000000001111:\
             0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"
        );
    }

    #[test]
    fn windows_of_any_size_are_clamped_and_never_wrap() {
        let (rail, want) = (Rail::of(&requirement()).unwrap(), requirement());
        let window = |after: U256, before: U256| {
            let said = Transfer { valid_after: after, valid_before: before, ..golden() };
            let terms = terms(&rail.token, &said, &want).unwrap();
            (terms.not_before, terms.settle_before)
        };
        assert_eq!(window(U256::ZERO, U256::MAX), (Time::ZERO, Time::FAR));
        assert_eq!(window(U256::from(u64::MAX), U256::from(u64::MAX)), (Time::FAR, Time::FAR));
        assert_eq!(window(U256::ZERO, U256::from(3)), (Time::ZERO, Time::ZERO));
        assert_eq!(window(U256::from(9), U256::from(20)), (Time::from_secs(9), Time::from_secs(14)));
    }
}
