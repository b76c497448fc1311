//! Gas sponsoring: what a server advertises, what a payer fills in, what a settler reads.

use super::{Approval, Eip2612, Permit};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tollway_core::{Code, Error, Json, Payment, Result};

/// One of the extensions by which a settler pays for a payer's missing allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sponsoring {
    /// `eip2612GasSponsoring`: a signed EIP-2612 permit, handed in along with the payment.
    Eip2612,
    /// `erc20ApprovalGasSponsoring`: a signed `approve` transaction, paid for and sent before the payment.
    Erc20Approval,
}

const EIP2612: &str = "eip2612GasSponsoring";
const ERC20_APPROVAL: &str = "erc20ApprovalGasSponsoring";

/// Keys of both, as `/supported` lists them.
impl Sponsoring {
    /// Both, the cheaper one first.
    pub const ALL: [Self; 2] = [Self::Eip2612, Self::Erc20Approval];
    /// The keys of both: what a plugin's capability lists.
    pub const KEYS: &'static [&'static str] = &[EIP2612, ERC20_APPROVAL];

    /// The extension's key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Eip2612 => EIP2612,
            Self::Erc20Approval => ERC20_APPROVAL,
        }
    }

    /// What a 402 says under [`Sponsoring::key`]: `{info, schema}`.
    pub fn declaration(self) -> Value {
        let (description, proof, pattern) = match self {
            Self::Eip2612 => (
                "The facilitator hands in the payer's EIP-2612 permit for Permit2 along with the payment.",
                ["nonce", "deadline", "signature"].as_slice(),
                "^0x[a-fA-F0-9]+$",
            ),
            Self::Erc20Approval => (
                "The facilitator pays for and sends the payer's signed approve transaction for Permit2.",
                ["signedTransaction"].as_slice(),
                "^0x[a-fA-F0-9]+$",
            ),
        };
        let number = || json!({"type": "string", "pattern": "^[0-9]+$"});
        let address = || json!({"type": "string", "pattern": "^0x[a-fA-F0-9]{40}$"});
        let mut fields = Map::new();
        for name in ["from", "asset", "spender"] {
            fields.insert(name.to_owned(), address());
        }
        fields.insert("amount".to_owned(), number());
        for name in proof {
            let hex = *name == "signature" || *name == "signedTransaction";
            let kind = if hex { json!({"type": "string", "pattern": pattern}) } else { number() };
            fields.insert((*name).to_owned(), kind);
        }
        fields.insert("version".to_owned(), json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)*$"}));
        let required: Vec<String> = fields.keys().cloned().collect();
        json!({
            "info": {"description": description, "version": "1"},
            "schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": fields,
                "required": required,
            },
        })
    }

    /// True when a 402's `extensions` offer it.
    pub fn is_offered(self, extensions: Option<&Json>) -> bool {
        info_of(extensions, self.key()).ok().flatten().is_some()
    }
}

/// How the payer's missing allowance is made up for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one per payment, read at once; a box would only cost")]
pub enum Sponsored {
    /// It is not: the allowance must be there.
    No,
    /// By an EIP-2612 permit.
    Permit(Eip2612),
    /// By a signed approval.
    Approval(Approval),
}

impl Sponsored {
    /// What a payment carries. A permit counts before an approval, as in the reference SDK; an extension that is only
    /// echoed, with nothing of the payer's in it, is none.
    ///
    /// # Errors
    /// [`Code::Eip2612Format`], [`Code::ApprovalFormat`], [`Code::InvalidSignature`].
    pub fn of(payment: &Payment) -> Result<Self> {
        let extensions = payment.extensions.as_ref();
        if let Some(info) = filled(extensions, EIP2612, Code::Eip2612Format)? {
            return Eip2612::read(info).map(Self::Permit);
        }
        if let Some(info) = filled(extensions, ERC20_APPROVAL, Code::ApprovalFormat)? {
            return Approval::read(info).map(Self::Approval);
        }
        Ok(Self::No)
    }

    /// True when it is for this permit and nothing else; no I/O.
    ///
    /// # Errors
    /// Those of [`Eip2612::check`] and [`Approval::check`].
    pub fn check(&self, permit: &Permit, chain_id: u64) -> Result<()> {
        match self {
            Self::No => Ok(()),
            Self::Permit(said) => said.check(permit),
            Self::Approval(said) => said.check(permit, chain_id).map(drop),
        }
    }

    /// The `extensions` of a payment: what the server put into `info` is kept, what was signed is added.
    pub fn extensions(&self, offered: Option<&Json>) -> Option<Json> {
        let (key, ours) = match self {
            Self::No => return None,
            Self::Permit(said) => (EIP2612, said.info()),
            Self::Approval(said) => (ERC20_APPROVAL, said.info()),
        };
        let mut info: Map<String, Value> = info_of(offered, key)
            .ok()
            .flatten()
            .and_then(|info| serde_json::from_str(info).ok())
            .unwrap_or_default();
        info.entry("version").or_insert_with(|| "1".into());
        info.extend(ours);
        Some(Json::of(&json!({ key: { "info": info } })))
    }
}

#[derive(Deserialize)]
struct Extension<'a> {
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Both<'a> {
    #[serde(borrow, rename = "eip2612GasSponsoring")]
    eip2612: Option<Extension<'a>>,
    #[serde(borrow, rename = "erc20ApprovalGasSponsoring")]
    erc20_approval: Option<Extension<'a>>,
}

/// The text of an extension's `info`.
fn info_of<'a>(extensions: Option<&'a Json>, key: &str) -> Result<Option<&'a str>, serde_json::Error> {
    // Most payments carry none, and need not be parsed for it.
    let Some(text) = extensions.map(Json::as_str).filter(|text| text.contains(key)) else { return Ok(None) };
    let both: Both<'a> = serde_json::from_str(text)?;
    let found = if key == EIP2612 { both.eip2612 } else { both.erc20_approval };
    Ok(found.and_then(|extension| extension.info).map(RawValue::get))
}

#[derive(Deserialize)]
struct Who<'a> {
    #[serde(borrow)]
    from: Option<&'a RawValue>,
}

/// The same, when the payer has put something into it.
fn filled<'a>(extensions: Option<&'a Json>, key: &'static str, code: Code) -> Result<Option<&'a str>> {
    let bad = || Error::payer(code.clone()).detail(format!("extensions.{key} must be {{info: {{…}}}}"));
    let Some(info) = info_of(extensions, key).map_err(|_| bad())? else { return Ok(None) };
    let who: Who<'_> = serde_json::from_str(info).map_err(|_| bad())?;
    Ok(who.from.map(|_| info))
}

#[cfg(test)]
mod tests {
    use super::super::{PERMIT2, Proxy, Witness, approve_call};
    use super::*;
    use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
    use alloy::eips::eip2718::Encodable2718;
    use alloy::primitives::{Address, TxKind, U256};
    use alloy::signers::{SignerSync, local::PrivateKeySigner};
    use tollway_core::{Version, wire};

    fn key() -> PrivateKeySigner {
        PrivateKeySigner::from_slice(&[5; 32]).unwrap()
    }
    fn permit() -> Permit {
        Permit {
            from: key().address(),
            token: Address::repeat_byte(9),
            amount: U256::from(10_000),
            spender: Proxy::Exact.address(),
            nonce: U256::from(7),
            deadline: U256::from(2_000u64),
            witness: Witness { to: Address::repeat_byte(3), facilitator: None, valid_after: U256::ZERO },
        }
    }
    fn payment(extensions: Option<Json>) -> Payment {
        let raw = r#"{"scheme":"exact","network":"eip155:8453","amount":"1","asset":"0x0909090909090909090909090909090909090909","payTo":"0x0303030303030303030303030303030303030303","maxTimeoutSeconds":60,"extra":{"assetTransferMethod":"permit2"}}"#;
        let accepted =
            wire::read_requirement(&Json::parse(raw).unwrap(), Version::V2, &[crate::FAMILY]).unwrap();
        Payment { accepted, payload: Json::empty(), extensions, resource: None }
    }
    fn offered() -> Json {
        let all: Map<_, _> = Sponsoring::ALL.iter().map(|s| (s.key().to_owned(), s.declaration())).collect();
        Json::of(&all)
    }
    fn approval(change: impl FnOnce(&mut TxEip1559), signer: &PrivateKeySigner) -> Approval {
        let call = approve_call(permit().token, U256::MAX);
        let mut tx = TxEip1559 {
            chain_id: 8453,
            nonce: 4,
            gas_limit: 70_000,
            max_fee_per_gas: 1_000,
            max_priority_fee_per_gas: 1,
            to: TxKind::Call(call.to),
            input: call.data,
            ..TxEip1559::default()
        };
        change(&mut tx);
        let signature = signer.sign_hash_sync(&tx.signature_hash()).unwrap();
        let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into();
        let Permit { from, token, .. } = permit();
        Approval { from, asset: token, spender: PERMIT2, amount: U256::MAX, raw }
    }

    #[test]
    fn what_is_offered_is_found_and_what_is_filled_in_keeps_the_servers_words() {
        let offered = offered();
        assert!(Sponsoring::ALL.iter().all(|s| s.is_offered(Some(&offered)) && !s.is_offered(None)));
        let mut said = Eip2612::for_permit(&permit(), U256::from(3));
        said.signature = key().sign_hash_sync(&said.digest(&permit().digest(1))).unwrap().as_bytes();
        for sponsored in [Sponsored::Permit(said), Sponsored::Approval(approval(|_| (), &key()))] {
            let written = sponsored.extensions(Some(&offered)).unwrap();
            let value = written.value();
            let (key, one) = value.as_object().unwrap().iter().next().unwrap();
            let server = &offered.value()[key]["info"];
            assert!(server.as_object().unwrap().iter().all(|(k, v)| one["info"][k] == *v), "{one}");
            assert_eq!(Sponsored::of(&payment(Some(written))).unwrap(), sponsored);
            assert!(!format!("{sponsored:?}").contains("0x02"), "nothing signed is shown");
        }
    }

    #[test]
    fn an_echo_alone_is_no_sponsoring_and_a_broken_one_is_an_error() {
        assert_eq!(Sponsored::of(&payment(None)).unwrap(), Sponsored::No);
        assert_eq!(Sponsored::of(&payment(Some(offered()))).unwrap(), Sponsored::No);
        let code = |text: &str| Sponsored::of(&payment(Some(Json::parse(text).unwrap()))).unwrap_err().code;
        assert_eq!(code(r#"{"eip2612GasSponsoring":{"info":{"from":1}}}"#), Code::Eip2612Format);
        assert_eq!(code(r#"{"eip2612GasSponsoring":7}"#), Code::Eip2612Format);
        assert_eq!(code(r#"{"erc20ApprovalGasSponsoring":{"info":{"from":"0x"}}}"#), Code::ApprovalFormat);
        let long = format!(
            r#"{{"erc20ApprovalGasSponsoring":{{"info":{{"from":"0x{0}","asset":"0x{0}","spender":"0x{0}","amount":"1","signedTransaction":"0x{1}","version":"1"}}}}}}"#,
            "11".repeat(20),
            "02".repeat(3_000)
        );
        assert_eq!(code(&long), Code::ApprovalFormat, "its size is bounded");
    }

    #[test]
    fn a_permit_for_anything_else_is_refused() {
        let good = Eip2612::for_permit(&permit(), U256::ZERO);
        good.check(&permit()).unwrap();
        let other = Address::repeat_byte(0xaa);
        let cases = [
            (Eip2612 { from: other, ..good.clone() }, Code::Eip2612FromMismatch),
            (Eip2612 { asset: other, ..good.clone() }, Code::Eip2612AssetMismatch),
            (Eip2612 { spender: other, ..good.clone() }, Code::Eip2612Spender),
            (Eip2612 { amount: U256::from(10_001), ..good.clone() }, Code::Eip2612AmountMismatch),
        ];
        for (said, code) in cases {
            assert_eq!(said.check(&permit()).unwrap_err().code, code);
        }
        let at = |secs| good.check_time(tollway_core::Time::from_secs(secs), 6_000).map_err(|e| e.code);
        assert_eq!((at(1_994), at(1_995)), (Ok(()), Err(Code::Eip2612Expired)));
    }

    #[test]
    fn a_signed_approval_for_anything_else_is_refused() {
        let cost = approval(|_| (), &key()).check(&permit(), 8453).unwrap();
        assert_eq!((cost.nonce, cost.wei, cost.gas_limit), (4, 70_000_000, 70_000));
        let other = Address::repeat_byte(0xaa);
        let input = |data: Vec<u8>| move |tx: &mut TxEip1559| tx.input = data.into();
        let approve = approve_call(other, U256::MAX).data.to_vec();
        let mut elsewhere = approve.clone();
        elsewhere[35] ^= 1;
        let wrong_key = PrivateKeySigner::from_slice(&[6; 32]).unwrap();
        let cases = [
            (approval(|tx| tx.to = TxKind::Call(other), &key()), Code::ApprovalTxTarget),
            (approval(|tx| tx.to = TxKind::Create, &key()), Code::ApprovalTxTarget),
            (approval(input(vec![0xa9, 5, 9, 0xcb]), &key()), Code::ApprovalTxSelector),
            (approval(input(approve[..40].to_vec()), &key()), Code::ApprovalTxCalldata),
            (approval(input(elsewhere), &key()), Code::ApprovalTxSpender),
            (
                approval(input(approve_call(other, U256::from(9_999)).data.to_vec()), &key()),
                Code::ApprovalTxCalldata,
            ),
            (approval(|tx| tx.value = U256::from(1), &key()), Code::ApprovalTxCalldata),
            (approval(|tx| tx.chain_id = 1, &key()), Code::ApprovalTxUndecodable),
            (approval(|_| (), &wrong_key), Code::ApprovalTxSigner),
            (Approval { raw: vec![2, 0xc0].into(), ..approval(|_| (), &key()) }, Code::ApprovalTxUndecodable),
            (
                Approval {
                    raw: [&approval(|_| (), &key()).raw[..], &[0]].concat().into(),
                    ..approval(|_| (), &key())
                },
                Code::ApprovalTxUndecodable,
            ),
            (Approval { from: other, ..approval(|_| (), &key()) }, Code::ApprovalFromMismatch),
            (Approval { asset: other, ..approval(|_| (), &key()) }, Code::ApprovalAssetMismatch),
            (Approval { spender: other, ..approval(|_| (), &key()) }, Code::ApprovalSpender),
        ];
        for (said, code) in cases {
            assert_eq!(said.check(&permit(), 8453).unwrap_err().code, code);
        }
    }
}
