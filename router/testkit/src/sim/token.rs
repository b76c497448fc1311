use super::program::{Ctx, Program, Revert};
use serde::{Deserialize, Serialize};
use tollway_core::{Account, AssetId};

/// A token that moves by its holder's word: a call of the holder's own, or an authorization that anybody may bring.
///
/// Its balances are the chain's own, under an asset whose key is the program's address. What it reads is JSON, a
/// [`TokenCall`]. It says `transfer` with `{"from","to","amount"}`, and `authorization_used` or
/// `authorization_canceled` with `{"from","nonce"}`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Token;

/// What a [`Token`] can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenCall {
    /// Moves the caller's own.
    Transfer {
        /// To whom: a canonical address.
        to: String,
        /// Atomic units.
        amount: String,
    },
    /// Moves what its holder has signed away, once.
    TransferWithAuthorization(SignedAuthorization),
    /// Makes an authorization worthless before it is used. Its window does not matter; the signature is of
    /// [`TokenAuthorization::cancel_message`].
    CancelAuthorization(SignedAuthorization),
    /// Answers `true` when the nonce is used or cancelled, else `false`.
    AuthorizationState {
        /// Who signed.
        from: String,
        /// The nonce.
        nonce: String,
    },
}

impl TokenCall {
    /// As the program reads it.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// An authorization with its signature.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAuthorization {
    /// What was signed.
    pub authorization: TokenAuthorization,
    /// The signature, as hex.
    pub signature: String,
}

/// Shows no signature.
impl std::fmt::Debug for SignedAuthorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedAuthorization(by {})", self.authorization.from)
    }
}

/// What a holder signs away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenAuthorization {
    /// Whose: a canonical address.
    pub from: String,
    /// For whom: a canonical address.
    pub to: String,
    /// Atomic units.
    pub amount: String,
    /// Good after this second of chain time.
    pub valid_after: u64,
    /// Good before this second of chain time.
    pub valid_before: u64,
    /// Used once per holder.
    pub nonce: String,
}

impl TokenAuthorization {
    /// The bytes that are signed: everything in it, with the chain and the token.
    pub fn message(&self, token: &AssetId) -> Vec<u8> {
        self.words("transfer", token)
    }
    /// The bytes that are signed to make it worthless.
    pub fn cancel_message(&self, token: &AssetId) -> Vec<u8> {
        self.words("cancel", token)
    }
    fn words(&self, what: &str, token: &AssetId) -> Vec<u8> {
        let parts = (what, token.to_string(), self);
        serde_json::to_vec(&parts).unwrap_or_default()
    }
}

impl Program for Token {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        match serde_json::from_slice(input).map_err(|_| Revert::from("not a call that a token knows"))? {
            TokenCall::Transfer { to, amount } => {
                transfer(ctx, caller, &to, &amount)?;
                Ok(Vec::new())
            }
            TokenCall::TransferWithAuthorization(signed) => with_authorization(ctx, &signed),
            TokenCall::CancelAuthorization(signed) => cancel(ctx, &signed),
            TokenCall::AuthorizationState { from, nonce } => {
                let used = ctx.load(&slot(&from, &nonce))?.is_some();
                Ok(used.to_string().into_bytes())
            }
        }
    }
}

fn with_authorization(ctx: &mut Ctx<'_>, signed: &SignedAuthorization) -> Result<Vec<u8>, Revert> {
    let wish = &signed.authorization;
    if ctx.now().secs() <= wish.valid_after {
        return Err("authorization is not yet valid".into());
    }
    if ctx.now().secs() >= wish.valid_before {
        return Err("authorization is expired".into());
    }
    let from = use_up(ctx, signed, wish.message(&own(ctx)?), "authorization_used")?;
    transfer(ctx, &from, &wish.to, &wish.amount)?;
    Ok(Vec::new())
}

fn cancel(ctx: &mut Ctx<'_>, signed: &SignedAuthorization) -> Result<Vec<u8>, Revert> {
    let message = signed.authorization.cancel_message(&own(ctx)?);
    use_up(ctx, signed, message, "authorization_canceled")?;
    Ok(Vec::new())
}

/// Checks nonce and signature, and uses the nonce up.
fn use_up(
    ctx: &mut Ctx<'_>,
    signed: &SignedAuthorization,
    message: Vec<u8>,
    topic: &str,
) -> Result<Account, Revert> {
    let wish = &signed.authorization;
    let from = somebody(ctx, &wish.from)?;
    let slot = slot(&wish.from, &wish.nonce);
    if ctx.load(&slot)?.is_some() {
        return Err("authorization is used or canceled".into());
    }
    let signature = hex::decode(&signed.signature).unwrap_or_default();
    if !ctx.signed_by(&from, &message, &signature)? {
        return Err("invalid signature".into());
    }
    ctx.store(&slot, Some(vec![1]))?;
    ctx.emit(topic, serde_json::json!({"from": wish.from, "nonce": wish.nonce}).to_string().into_bytes())?;
    Ok(from)
}

fn transfer(ctx: &mut Ctx<'_>, from: &Account, to: &str, amount: &str) -> Result<(), Revert> {
    let to = somebody(ctx, to)?;
    let atomic = tollway_core::Amount::parse_atomic(amount).map_err(|_| Revert::from("not an amount"))?;
    ctx.move_own(from, &to, atomic)?;
    let said = serde_json::json!({"from": from.address(), "to": to.address(), "amount": amount});
    ctx.emit("transfer", said.to_string().into_bytes())
}

fn own(ctx: &Ctx<'_>) -> Result<AssetId, Revert> {
    AssetId::new(ctx.me().chain, ctx.me().address()).map_err(|_| "no token".into())
}

fn somebody(ctx: &Ctx<'_>, address: &str) -> Result<Account, Revert> {
    let read = super::FAMILY.account(ctx.me().chain, address);
    read.ok().filter(|a| a.address() == address).ok_or_else(|| "not a canonical address".into())
}

fn slot(from: &str, nonce: &str) -> Vec<u8> {
    format!("nonce/{from}/{nonce}").into_bytes()
}
