//! The payload on the wire: `{signature, permit2Authorization: {from, permitted: {token, amount}, spender, nonce,
//! deadline, witness: {to, facilitator?, validAfter}}}`. Reading borrows from the text and allocates nothing.

use super::fields::{Raw, Reader};
use super::{Permit, Proxy, Witness};
use crate::signature::{Check, Signature};
use alloy::hex;
use serde::{Deserialize, Serialize};
use std::fmt;
use tollway_core::{Code, Error, Json, Result};

/// A permit with its signature, decoded. `Debug` shows who pays whom, not what was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub permit: Permit,
    /// As it came: of a plain account, or of one with code.
    pub signature: Signature,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} to {})", self.permit.from, self.permit.witness.to)
    }
}

/// Raw parts, so that no type error can quote a value.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    signature: Raw<'a>,
    #[serde(borrow)]
    permit2_authorization: Option<Fields<'a>>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    from: Raw<'a>,
    #[serde(borrow)]
    permitted: Option<Permitted<'a>>,
    #[serde(borrow)]
    spender: Raw<'a>,
    #[serde(borrow)]
    nonce: Raw<'a>,
    #[serde(borrow)]
    deadline: Raw<'a>,
    #[serde(borrow)]
    witness: Option<Bound<'a>>,
}

#[derive(Deserialize)]
struct Permitted<'a> {
    #[serde(borrow)]
    token: Raw<'a>,
    #[serde(borrow)]
    amount: Raw<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bound<'a> {
    #[serde(borrow)]
    to: Raw<'a>,
    #[serde(borrow)]
    facilitator: Raw<'a>,
    #[serde(borrow)]
    valid_after: Raw<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Out {
    signature: String,
    permit2_authorization: OutFields,
}

/// Addresses go out with EIP-55 checksums, because some hosted facilitators insist on them.
#[derive(Serialize)]
struct OutFields {
    from: String,
    permitted: OutPermitted,
    spender: String,
    nonce: String,
    deadline: String,
    witness: OutWitness,
}

#[derive(Serialize)]
struct OutPermitted {
    token: String,
    amount: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutWitness {
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    facilitator: Option<String>,
    valid_after: String,
}

const READER: Reader = Reader { code: || Code::InvalidPayload, of: "permit2 payload" };

impl Signed {
    /// Decodes a payload for one of the proxies; says nothing about whether it is true.
    ///
    /// # Errors
    /// [`Code::InvalidPayload`] naming the field; [`Code::InvalidSignature`] for one that has no known form;
    /// [`Code::InvalidSpender`] when it is for anybody but this proxy.
    pub fn decode(payload: &Json, proxy: Proxy) -> Result<Self> {
        let wire: Wire<'_> = serde_json::from_str(payload.as_str()).map_err(|_| {
            READER.bad(
                "it must be {signature, permit2Authorization: {from, permitted: {token, amount}, spender, nonce, \
                 deadline, witness}}, each once",
            )
        })?;
        let missing = |what: &str| READER.bad(format_args!("{what} is missing"));
        let fields = wire.permit2_authorization.ok_or_else(|| missing("permit2Authorization"))?;
        let permitted = fields.permitted.ok_or_else(|| missing("permitted"))?;
        let bound = fields.witness.ok_or_else(|| missing("witness"))?;
        let facilitator = match proxy {
            // What the exact witness does not bind is not looked at.
            Proxy::Exact => None,
            Proxy::Upto => Some(READER.address("witness.facilitator", bound.facilitator)?),
        };
        let permit = Permit {
            from: READER.address("from", fields.from)?,
            token: READER.address("permitted.token", permitted.token)?,
            amount: READER.integer("permitted.amount", permitted.amount)?,
            spender: READER.address("spender", fields.spender)?,
            nonce: READER.integer("nonce", fields.nonce)?,
            deadline: READER.integer("deadline", fields.deadline)?,
            witness: Witness {
                to: READER.address("witness.to", bound.to)?,
                facilitator,
                valid_after: READER.integer("witness.validAfter", bound.valid_after)?,
            },
        };
        if permit.spender != proxy.address() {
            return Err(Error::payer(Code::InvalidSpender).detail(format!(
                "permitted to {}, which is not {:?}'s proxy {}",
                permit.spender,
                proxy,
                proxy.address()
            )));
        }
        Ok(Self { permit, signature: READER.any_signature("signature", wire.signature)? })
    }

    /// The payload as it goes on the wire: integers as decimal strings, bytes as `0x` hex.
    pub fn encode(&self) -> Json {
        let said = &self.permit;
        Json::of(&Out {
            signature: hex::encode_prefixed(self.signature.as_bytes()),
            permit2_authorization: OutFields {
                from: said.from.to_checksum(None),
                permitted: OutPermitted {
                    token: said.token.to_checksum(None),
                    amount: said.amount.to_string(),
                },
                spender: said.spender.to_checksum(None),
                nonce: said.nonce.to_string(),
                deadline: said.deadline.to_string(),
                witness: OutWitness {
                    to: said.witness.to.to_checksum(None),
                    facilitator: said.witness.facilitator.map(|f| f.to_checksum(None)),
                    valid_after: said.witness.valid_after.to_string(),
                },
            },
        })
    }

    /// What can be said of the signature without the chain: that the payer's key made it, or that only the account's code
    /// could know better. Recovered once: the answer is remembered.
    pub fn check(&self, chain_id: u64) -> Check {
        self.signature.check(&self.permit.digest(chain_id), self.permit.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::U256;
    use alloy::signers::{SignerSync, local::PrivateKeySigner};

    fn sample(proxy: Proxy) -> String {
        let facilitator = if proxy == Proxy::Upto {
            format!(r#""facilitator":"0x{:0>40}","#, "5555")
        } else {
            String::new()
        };
        format!(
            r#"{{"signature":"0x{}1b","permit2Authorization":{{"from":"0x{:0>40}","permitted":{{"token":"0x{:0>40}","amount":"10000"}},"spender":"{}","nonce":"7","deadline":"1740672154","witness":{{"to":"0x{:0>40}",{facilitator}"validAfter":"0"}}}}}}"#,
            "11".repeat(64),
            "1111",
            "2222",
            proxy.address(),
            "3333"
        )
    }
    fn decode(text: &str) -> Result<Signed> {
        Signed::decode(&Json::parse(text).unwrap(), Proxy::Exact)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for proxy in [Proxy::Exact, Proxy::Upto] {
            let signed = Signed::decode(&Json::parse(sample(proxy)).unwrap(), proxy).unwrap();
            assert_eq!(signed.permit.amount, U256::from(10_000));
            assert_eq!(signed.permit.witness.facilitator.is_some(), proxy == Proxy::Upto);
            assert_eq!(Signed::decode(&signed.encode(), proxy).unwrap(), signed);
        }
        let upto = Json::parse(
            sample(Proxy::Exact)
                .replace(&Proxy::Exact.address().to_string(), &Proxy::Upto.address().to_string()),
        )
        .unwrap();
        let e = Signed::decode(&upto, Proxy::Upto).unwrap_err();
        assert!(e.detail.contains("witness.facilitator is missing"), "{e}");
    }

    #[test]
    fn integers_may_be_json_numbers_and_bytes_of_any_case() {
        let ok = sample(Proxy::Exact);
        let loose = ok.replace(r#""10000""#, "10000").replace(r#""7""#, "7");
        let loose =
            loose.replace(&Proxy::Exact.address().to_string(), &format!("{:#x}", Proxy::Exact.address()));
        assert_eq!(decode(&loose).unwrap(), decode(&ok).unwrap());
    }

    #[test]
    fn every_broken_field_is_named_and_never_quoted() {
        let ok = sample(Proxy::Exact);
        let huge = format!("\"{}\"", "9".repeat(78));
        let (whole, much) = (format!("\"0x{}1b\"", "11".repeat(64)), "1b".repeat(8_200) + "\"");
        let upto = Proxy::Upto.address().to_string();
        let exact = Proxy::Exact.address().to_string();
        let cases: &[(&str, &str, Code, &str)] = &[
            (r#""10000""#, r#""-1""#, Code::InvalidPayload, "permitted.amount"),
            (r#""10000""#, r#""0x10""#, Code::InvalidPayload, "permitted.amount"),
            (r#""10000""#, "null", Code::InvalidPayload, "permitted.amount is missing"),
            (r#""10000""#, &huge, Code::InvalidPayload, "permitted.amount"),
            (r#""7""#, r#""""#, Code::InvalidPayload, "nonce"),
            (r#""1740672154""#, "1e9", Code::InvalidPayload, "deadline"),
            (r#""0""#, "[]", Code::InvalidPayload, "witness.validAfter"),
            (r#""to":"0x"#, r#""to":""#, Code::InvalidPayload, "witness.to"),
            (r#""from":"0x"#, r#""from":"00"#, Code::InvalidPayload, "from"),
            (r#""token":"0x"#, r#""token":"0x0"#, Code::InvalidPayload, "permitted.token"),
            (r#""witness""#, r#""other""#, Code::InvalidPayload, "witness is missing"),
            (r#""permitted""#, r#""other""#, Code::InvalidPayload, "permitted is missing"),
            (r#""nonce""#, r#""deadline""#, Code::InvalidPayload, "each once"),
            (&exact, &upto, Code::InvalidSpender, "proxy"),
            (&whole, "\"0x\"", Code::InvalidSignature, "0 hex digits"),
            ("1b\"", &much, Code::InvalidSignature, "hex digits"),
            ("1b\"", "1b1\"", Code::InvalidPayload, "not hex"),
            ("1b\"", "zz\"", Code::InvalidPayload, "signature"),
        ];
        for (from, to, code, words) in cases {
            let e = decode(&ok.replacen(from, to, 1)).expect_err(words);
            assert_eq!(&e.code, code, "{words}: {e}");
            assert!(e.detail.contains(words), "{words}: {e}");
        }
        let secret = "0x".to_owned() + &"42".repeat(65);
        for text in [format!(r#"{{"permit2Authorization":"{secret}"}}"#), format!(r#""{secret}""#)] {
            assert!(!decode(&text).unwrap_err().to_string().contains("4242"), "{text}");
        }
        assert!(!format!("{:?}", decode(&ok).unwrap()).contains("1111111111"));
    }

    #[test]
    fn only_the_keys_signature_for_this_chain_is_the_keys() {
        let key = PrivateKeySigner::from_slice(&[3; 32]).unwrap();
        let mut signed = decode(&sample(Proxy::Exact)).unwrap();
        signed.permit.from = key.address();
        let made = key.sign_hash_sync(&signed.permit.digest(8453)).unwrap().as_bytes();
        signed.signature = made.into();
        let no_key = |check| matches!(check, Check::AskAccount(why) if why.code == Code::InvalidSignature);
        for _ in 0..2 {
            assert_eq!(signed.check(8453), Check::Key(made));
            assert!(no_key(signed.check(10)));
        }
        let mut other = signed.clone();
        other.permit.nonce = U256::from(8);
        assert!(no_key(other.check(8453)));
    }
}
