use crate::naive;
use crate::shop::{NOW_S, PLACES, key};
use alloy::hex;
use alloy::primitives::{Address, B256, Bytes, Signature, U256, address};
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain};
use serde_json::{Map, Value};
use std::sync::LazyLock;
use tollway_core::{Json, Leg, Offer, Order, Payment, Requirement, Terms, Time, Version, wire};
use tollway_evm::FAMILY;
use tollway_exact_eip3009::{read, read_by_key};

sol! {
    struct TransferWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
}

const PAYEE: Address = address!("00000000000000000000000000000000000000Ee");
const FIELDS: [&str; 6] = ["from", "to", "value", "validAfter", "validBefore", "nonce"];

static REQUIREMENT: LazyLock<Requirement> = LazyLock::new(|| {
    let text = format!(
        r#"{{"scheme":"exact","network":"eip155:84532","amount":"10000","asset":"{}","payTo":"{PAYEE}","maxTimeoutSeconds":60,"extra":{{"name":"USDC","version":"2"}}}}"#,
        PLACES[0].token
    );
    wire::read_requirement(&Json::parse(text).expect("JSON"), Version::V2, &[FAMILY]).expect("an entry")
});

/// A payment as it was signed, and what it reads as.
static HONEST: LazyLock<(Payload, Terms)> = LazyLock::new(|| {
    let said = TransferWithAuthorization {
        from: key().address(),
        to: PAYEE,
        value: U256::from(10_000),
        validAfter: U256::ZERO,
        validBefore: U256::from(NOW_S + 60),
        nonce: B256::repeat_byte(0x5a),
    };
    let payload = Payload::signed(said);
    let terms = read(&order(&payload.text())).expect("an honest payment");
    (payload, terms)
});

/// Lines that alter an honest payment: `field=JSON` for a member of the payload, `sign` to sign what stands there by
/// then, or a line that begins with a brace in place of the whole payload.
pub fn exact_eip3009(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if naive::depth(data) > naive::DEPTH_MAX {
        return;
    }
    let (honest, honest_terms) = &*HONEST;
    let (mut payload, mut signed_anew) = (honest.clone(), false);
    for line in text.lines().take(16) {
        match line.split_once('=') {
            _ if line == "sign" => signed_anew |= payload.sign(),
            _ if line.starts_with('{') => payload = Payload::Whole(line.to_owned()),
            Some((field, value)) => payload.set(field, value),
            None => {}
        }
    }
    let Ok(json) = Json::parse(payload.text()) else { return };
    let order = order(json.as_str());
    let plain = judged(&json);
    let anybodys = read(&order);
    let Ok(terms) = read_by_key(&order) else {
        assert!(
            !plain.is_some_and(|plain| plain.good),
            "refused, though nothing is wrong with it: {}",
            json.as_str()
        );
        return;
    };
    assert_eq!(anybodys.as_ref(), Ok(&terms), "whoever signed, the terms are what stands there");
    let plain = plain.expect("what was read is an authorization");
    agree(&terms, &plain);
    if !signed_anew && terms.payer == honest_terms.payer {
        assert_eq!(&terms, honest_terms, "nothing that was signed once reads as something else");
    }
    same_again(&order, &terms, &plain);
}

fn order(payload: &str) -> Order {
    let requirement = REQUIREMENT.clone();
    let payload = Json::parse(payload).expect("JSON");
    let payment = Payment { accepted: requirement.clone(), payload, extensions: None, resource: None };
    Order { leg: Leg::After, requirement, payment }
}

/// A payload under alteration: its members as raw JSON, or a text in place of it.
#[derive(Clone)]
enum Payload {
    Parts { signature: String, fields: [String; 6] },
    Whole(String),
}

impl Payload {
    fn signed(said: TransferWithAuthorization) -> Self {
        let word = |text: String| format!("\"{text}\"");
        let fields = [
            word(said.from.to_string()),
            word(said.to.to_string()),
            word(said.value.to_string()),
            word(said.validAfter.to_string()),
            word(said.validBefore.to_string()),
            word(said.nonce.to_string()),
        ];
        let mut payload = Self::Parts { signature: String::new(), fields };
        assert!(payload.sign());
        payload
    }

    fn set(&mut self, name: &str, value: &str) {
        let Self::Parts { signature, fields } = self else { return };
        match FIELDS.iter().position(|field| *field == name) {
            Some(at) => fields[at] = value.to_owned(),
            None if name == "signature" => *signature = value.to_owned(),
            None => {}
        }
    }

    /// Signs what stands there, if it says anything.
    fn sign(&mut self) -> bool {
        let text = self.text();
        let Self::Parts { signature, .. } = self else { return false };
        let unsigned: Option<Value> = serde_json::from_str(&text.replace(r#""signature":,"#, "")).ok();
        let Some(said) = unsigned.and_then(|value| transfer(value.get("authorization")?.as_object()?)) else {
            return false;
        };
        let digest = said.eip712_signing_hash(&domain());
        *signature = format!("\"{}\"", hex::encode_prefixed(key().sign(&digest).as_bytes()));
        true
    }

    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Parts { signature, fields } => {
                let pairs = FIELDS.iter().zip(fields).map(|(name, value)| format!("\"{name}\":{value}"));
                let fields = pairs.collect::<Vec<_>>().join(",");
                format!(r#"{{"signature":{signature},"authorization":{{{fields}}}}}"#)
            }
        }
    }
}

fn domain() -> Eip712Domain {
    eip712_domain! {
        name: "USDC",
        version: "2",
        chain_id: 84_532,
        verifying_contract: PLACES[0].token.parse().expect("an address"),
    }
}

/// What a payload says, by the value tree and alloy alone.
struct Plain {
    said: TransferWithAuthorization,
    signature: String,
    /// True when nobody could object to it.
    good: bool,
}

fn judged(json: &Json) -> Option<Plain> {
    let value = json.value();
    let said = transfer(value.get("authorization")?.as_object()?)?;
    let signature = value.get("signature")?.as_str()?.to_owned();
    let signer = hex::decode(&signature).ok().and_then(|bytes| signer(&bytes, &said));
    let plain = serde_json::to_string(&value).is_ok_and(|text| text.len() == json.as_str().len());
    let good = plain && signer == Some(said.from) && said.to == PAYEE && said.value == U256::from(10_000);
    Some(Plain { said, signature, good })
}

/// Who signed, by alloy; a malleable twin is nobody's.
fn signer(bytes: &[u8], said: &TransferWithAuthorization) -> Option<Address> {
    if let Some(wrapped) = bytes.strip_suffix(&[[0x64, 0x92]; 16].concat()[..]) {
        let (_, _, inner) = <(Address, Bytes, Bytes)>::abi_decode_params(wrapped).ok()?;
        return (!inner.ends_with(&[0x64, 0x92])).then(|| signer(&inner, said))?;
    }
    if bytes.len() == 64 {
        let signature = Some(Signature::from_erc2098(bytes)).filter(|s| s.normalize_s().is_none())?;
        return signature.recover_address_from_prehash(&said.eip712_signing_hash(&domain())).ok();
    }
    let (v, _) = bytes.split_last().filter(|(_, rest)| rest.len() == 64)?;
    let signature = Signature::from_bytes_and_parity(&bytes[..64], matches!(v, 1 | 28));
    let known = matches!(v, 0 | 1 | 27 | 28) && signature.normalize_s().is_none();
    known.then(|| signature.recover_address_from_prehash(&said.eip712_signing_hash(&domain())).ok())?
}

fn transfer(fields: &Map<String, Value>) -> Option<TransferWithAuthorization> {
    let word = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
    let bytes = |name: &str| hex::decode(word(name)?.strip_prefix("0x")?).ok();
    let number = |name: &str| {
        let text = word(name).or_else(|| fields.get(name).filter(|v| v.is_number()).map(Value::to_string))?;
        U256::from_str_radix(&text, 10)
            .ok()
            .filter(|_| text.bytes().all(|b| b.is_ascii_digit()) && (1..=78).contains(&text.len()))
    };
    let address = |name: &str| bytes(name).filter(|b| b.len() == 20).map(|b| Address::from_slice(&b));
    Some(TransferWithAuthorization {
        from: address("from")?,
        to: address("to")?,
        value: number("value")?,
        validAfter: number("validAfter")?,
        validBefore: number("validBefore")?,
        nonce: bytes("nonce").filter(|b| b.len() == 32).map(|b| B256::from_slice(&b))?,
    })
}

/// The terms are those of the authorization, and its signature is the payer's.
fn agree(terms: &Terms, plain: &Plain) {
    let said = &plain.said;
    let bytes = hex::decode(&plain.signature).expect("hex");
    assert_eq!(signer(&bytes, said), Some(said.from), "not the payer's signature");
    let payer = terms.payer.expect("an authorization names its payer");
    assert_eq!(naive::address(payer.address()), hex::encode(said.from));
    assert_eq!((said.to, terms.payee), (PAYEE, REQUIREMENT.pay_to));
    assert_eq!((terms.ceiling, said.value), (REQUIREMENT.price, U256::from(10_000)));
    let moment = |secs: U256| u64::try_from(secs).map_or(Time::FAR, Time::from_secs);
    assert_eq!(terms.not_before, moment(said.validAfter));
    assert!(terms.settle_before <= moment(said.validBefore));
    let [replay] = terms.replay.as_slice() else { panic!("{:?}", terms.replay) };
    for part in [hex::encode(said.from), hex::encode(said.nonce), "eip155:84532".to_owned()] {
        assert!(replay.0.contains(&part), "{replay:?} lacks {part}");
    }
}

/// Spelled canonically, and carried over the wire, it reads the same.
fn same_again(order: &Order, terms: &Terms, plain: &Plain) {
    let said = &plain.said;
    let Payload::Parts { fields, .. } = Payload::signed(TransferWithAuthorization { ..said.clone() }) else {
        unreachable!("it was made of parts")
    };
    let canonical = Payload::Parts { signature: format!("\"{}\"", plain.signature), fields };
    assert_eq!(read(&self::order(&canonical.text())).as_ref(), Ok(terms));

    let offer = Offer { requirement: order.requirement.clone(), bound_to: None, volatile: Vec::new() };
    let out = wire::write_payment(&order.payment, &[FAMILY]).expect("writable");
    let (_, payment) = wire::parse_payment(out.as_str(), [&offer], &[FAMILY]).expect("readable");
    assert_eq!(read(&Order { payment, ..order.clone() }).as_ref(), Ok(terms));
}
