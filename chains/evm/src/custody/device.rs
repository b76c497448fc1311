//! Keys on devices, which sign what they can show.

use super::key::no_signature;
use super::{Key, Message};
use alloy::consensus::TxEip1559;
use alloy::network::TxSigner;
use alloy::primitives::{Address, Signature, hex};
use alloy::signers::{Error as SignerError, Signer};
use alloy_dyn_abi::eip712::TypedData;
use serde_json::{Value, json};
use tollway_core::{Blame, Code, Error, Next, Result, async_trait};

/// A key on a device: one of alloy's signers that signs no bare hash and takes typed data and transactions whole, as its
/// Ledger signer does.
///
/// A device that knows no typed data, as a Trezor behind alloy's signer, answers messages with [`Code::UnsupportedMethod`] and
/// signs transactions all the same.
#[derive(Debug)]
pub struct DeviceKey<S>(S);

impl<S: Signer + TxSigner<Signature> + Send + Sync> DeviceKey<S> {
    /// The key of a connected device.
    pub const fn new(device: S) -> Self {
        Self(device)
    }
}

#[async_trait]
impl<S: Signer + TxSigner<Signature> + Send + Sync> Key for DeviceKey<S> {
    fn address(&self) -> Address {
        Signer::address(&self.0)
    }
    async fn sign_authorization(&self, message: &Message<'_>) -> Result<Signature> {
        let typed = message.typed_data()?;
        self.0.sign_dynamic_typed_data(&typed).await.map_err(|why| match why {
            SignerError::UnsupportedOperation(_) => {
                Error::new(Code::UnsupportedMethod, Blame::Caller, Next::OtherRoute).detail(
                    "this device signs transactions and no typed data: it can settle, and it cannot pay",
                )
            }
            _ => no_signature(),
        })
    }
    async fn sign_call(&self, tx: &TxEip1559) -> Result<Signature> {
        TxSigner::sign_transaction(&self.0, &mut tx.clone()).await.map_err(|_| no_signature())
    }
}

impl Message<'_> {
    /// The message as `eth_signTypedData_v4` takes it, for signers that show it.
    ///
    /// # Errors
    /// [`Code::Internal`], should it not fit its own format.
    pub fn typed_data(&self) -> Result<TypedData> {
        let (types, message) = self.parts();
        let mut all = types;
        let (domain, fields) = self.domain();
        if let Value::Object(all) = &mut all {
            all.insert("EIP712Domain".to_owned(), fields);
        }
        let whole = json!({
            "types": all,
            "primaryType": self.primary_type(),
            "domain": domain,
            "message": message,
        });
        serde_json::from_value(whole)
            .map_err(|_| Error::us(Code::Internal).detail("a message that does not fit its own type"))
    }

    fn domain(&self) -> (Value, Value) {
        let token = match self {
            Self::Permit2 { chain_id, .. } => {
                let domain = json!({
                    "name": "Permit2", "chainId": chain_id, "verifyingContract": crate::permit2::PERMIT2,
                });
                return (domain, fields("string name,uint256 chainId,address verifyingContract"));
            }
            Self::Transfer { token, .. } | Self::Cancel { token, .. } | Self::Permit { token, .. } => token,
        };
        let domain = json!({
            "name": token.name, "version": token.version,
            "chainId": token.chain_id, "verifyingContract": token.token,
        });
        (domain, fields("string name,string version,uint256 chainId,address verifyingContract"))
    }

    /// The types beside the domain's, and the message itself. Numbers are spelled in decimal, as wallets show them.
    fn parts(&self) -> (Value, Value) {
        match self {
            Self::Transfer { said, .. } => (
                json!({ "TransferWithAuthorization": fields(
                    "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
                ) }),
                json!({
                    "from": said.from, "to": said.to, "value": said.value.to_string(),
                    "validAfter": said.valid_after.to_string(), "validBefore": said.valid_before.to_string(),
                    "nonce": hex::encode_prefixed(said.nonce),
                }),
            ),
            Self::Cancel { authorizer, nonce, .. } => (
                json!({ "CancelAuthorization": fields("address authorizer,bytes32 nonce") }),
                json!({ "authorizer": authorizer, "nonce": hex::encode_prefixed(nonce) }),
            ),
            Self::Permit { said, .. } => (
                json!({ "Permit": fields(
                    "address owner,address spender,uint256 value,uint256 nonce,uint256 deadline",
                ) }),
                json!({
                    "owner": said.from, "spender": said.spender, "value": said.amount.to_string(),
                    "nonce": said.nonce.to_string(), "deadline": said.deadline.to_string(),
                }),
            ),
            Self::Permit2 { said, .. } => permit2(said),
        }
    }
}

fn permit2(said: &crate::permit2::Permit) -> (Value, Value) {
    let mut witness = json!({
        "to": said.witness.to, "validAfter": said.witness.valid_after.to_string(),
    });
    let members = match said.witness.facilitator {
        None => "address to,uint256 validAfter",
        Some(facilitator) => {
            if let Value::Object(witness) = &mut witness {
                witness.insert("facilitator".to_owned(), json!(facilitator));
            }
            "address to,address facilitator,uint256 validAfter"
        }
    };
    let types = json!({
        "PermitWitnessTransferFrom": fields(
            "TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness",
        ),
        "TokenPermissions": fields("address token,uint256 amount"),
        "Witness": fields(members),
    });
    let message = json!({
        "permitted": { "token": said.token, "amount": said.amount.to_string() },
        "spender": said.spender, "nonce": said.nonce.to_string(), "deadline": said.deadline.to_string(),
        "witness": witness,
    });
    (types, message)
}

/// `type name,type name`, as JSON spells the members of a type.
fn fields(members: &str) -> Value {
    let members = members.split(',').filter_map(|member| member.split_once(' '));
    members.map(|(kind, name)| json!({ "name": name, "type": kind })).collect()
}
