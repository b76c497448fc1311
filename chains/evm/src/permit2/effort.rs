//! What a payment by Permit2 does on chain, in gas: by path, token and kind of payee. Learned from receipts; a cell's
//! table is only where learning starts.

use super::{
    Eip2612, Moved, PERMIT2, Permit, Proxy, Signed, Token, Witness, approve_call, balance_call, number,
};
use crate::gas::believed;
use crate::{At, Evm, EvmCall, GasKey};
use alloy::primitives::{Address, U256, keccak256};
use std::sync::LazyLock;
use tollway_core::{Bearer, Effort, Few, Recent, Result, Sample, Work};

/// What a cell over Permit2 says of itself; all the rest is shared.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// Its proxy.
    pub proxy: Proxy,
    /// The call that moves `amount` of a permit with its signature; with an EIP-2612 permit, the one that hands that in
    /// first.
    pub settle: fn(&Permit, &[u8], U256, Option<&Eip2612>) -> EvmCall,
    /// What a call to the proxy moves; `None` for any other.
    pub moved: fn(&EvmCall) -> Option<Moved>,
    /// By path and payee: what its gas is learned by, and how much it is before anything was learned.
    pub gas: fn(Path, Payee) -> (&'static str, u64),
}

/// How a permit is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// The allowance is there.
    Settle,
    /// An EIP-2612 permit is handed in along with it.
    WithPermit,
    /// The payer's signed approval is paid for and sent before it.
    AfterApproval,
}

/// What a payee's balance means for the gas of paying it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payee {
    /// Holds none of the token: its balance slot is made now.
    New,
    /// Holds some.
    Holder,
}

impl Payee {
    /// By what it holds.
    pub fn of_balance(balance: U256) -> Self {
        if balance.is_zero() { Self::New } else { Self::Holder }
    }
}

/// Gas of `approve` before anything was learned: 21,000 for the transaction, 22,100 for the allowance's slot, the rest for
/// a token behind a proxy.
const APPROVE_GAS: u64 = 56_000;
/// Gas of a plain transfer of coins.
const COINS_GAS: u64 = 21_000;
/// Gas of making a nonce worthless: 21,000 for the transaction, 22,100 for the bitmap's slot, a log.
pub(super) const CANCEL_GAS: u64 = 48_000;
/// The most gas that a call may use for a token outside the table, whatever was learned: one that burnt all it was given
/// would teach us to give twice as much the next time.
const UNKNOWN_GAS_MAX: u64 = 700_000;

/// What an approval's gas is learned by.
pub fn approve_key(token: Address) -> GasKey {
    GasKey { contract: token, what: "approve" }
}

/// Gas that an approval will use.
pub fn approve_gas(evm: &dyn Evm, token: Address) -> u64 {
    evm.learned_gas(&approve_key(token)).unwrap_or(APPROVE_GAS)
}

/// The gas limit of an approval that others pay for: a quarter more than it will use, since all of it is paid for in advance,
/// and what is not used stays with the payer.
pub(super) fn sponsored_gas(evm: &dyn Evm, token: Address) -> u64 {
    let gas = approve_gas(evm, token);
    gas.saturating_add(gas / 4)
}

impl Calls {
    /// What a settlement's gas is learned by.
    pub fn gas_key(&self, token: Address, path: Path, payee: Payee) -> GasKey {
        GasKey { contract: token, what: (self.gas)(path, payee).0 }
    }

    /// Gas that a settlement will use. A token in no table starts a quarter dearer than a known one, so that the unknown
    /// never looks cheaper. What was learned counts up to three times where learning started: whoever burns our gas teaches
    /// us to give more, and would make everybody else's payments look dear.
    pub fn gas(&self, evm: &dyn Evm, token: &Token, path: Path, payee: Payee) -> u64 {
        let learned = evm.learned_gas(&self.gas_key(token.address, path, payee));
        believed(learned, self.start(token, path, payee))
    }

    /// Gas before anything was learned.
    pub(super) fn start(&self, token: &Token, path: Path, payee: Payee) -> u64 {
        let (_, table) = (self.gas)(path, payee);
        if token.known { table } else { table.saturating_add(table / 4) }
    }

    /// The most gas that a settlement may use: twice the dearer kind of payee, since the payee may have emptied its account
    /// since the look and tokens are upgraded under their proxies; what is not used costs nothing.
    pub fn gas_limit(&self, evm: &dyn Evm, token: &Token, path: Path) -> u64 {
        let of = |payee| self.gas(evm, token, path, payee);
        let limit = of(Payee::New).max(of(Payee::Holder)).saturating_mul(2);
        if token.known { limit } else { limit.min(UNKNOWN_GAS_MAX) }
    }

    /// What settling does, and who bears it: on every path the settler.
    pub fn effort(&self, evm: &dyn Evm, token: &Token, path: Path, payee: Payee, sample: Sample) -> Effort {
        self.effort_of(evm, token, path, self.gas(evm, token, path, payee), sample)
    }

    /// The same, when the settlement's own gas is known.
    pub fn effort_of(&self, evm: &dyn Evm, token: &Token, path: Path, gas: u64, sample: Sample) -> Effort {
        let settle = Work::new(Bearer::Settler, "permit2.settle", gas, sample);
        if path != Path::AfterApproval {
            return Effort::one(settle);
        }
        let approve = approve_call(token.address, U256::MAX);
        let gas = approve_gas(evm, token.address);
        let sample = evm.sample(&approve, gas.saturating_mul(2));
        let coins = evm.sample(&EvmCall { to: token.address, data: Default::default() }, COINS_GAS);
        let works = [
            Work::new(Bearer::Settler, "fund the payer's gas", COINS_GAS, coins),
            Work::new(Bearer::Settler, "approve", gas, sample),
            settle,
        ];
        Effort { works: Few::from(Vec::from(works)), fees: Vec::new() }
    }

    /// The transaction that settling a permit will be, for data fees. A sample can be shown in logs, so `signature` is none:
    /// [`NOISE`] in the place of a key's, else one that is [veiled](crate::signature::veiled).
    pub fn sample(
        &self,
        evm: &dyn Evm,
        token: &Token,
        path: Path,
        permit: &Permit,
        signature: &[u8],
    ) -> Sample {
        let handed_in = (path == Path::WithPermit)
            .then(|| Eip2612 { signature: *NOISE, ..Eip2612::for_permit(permit, U256::ZERO) });
        let call = (self.settle)(permit, signature, permit.amount, handed_in.as_ref());
        evm.sample(&call, self.gas_limit(evm, token, path))
    }

    /// A permit such as settlement will get, before there is one: as long and as incompressible as a real one.
    pub fn specimen(&self, token: Address) -> Signed {
        let address = |word: &str| Address::from_word(keccak256(word));
        let facilitator = (self.proxy == Proxy::Upto).then(|| address("facilitator"));
        let permit = Permit {
            from: address("from"),
            token,
            amount: U256::from(10_000u64),
            spender: self.proxy.address(),
            nonce: keccak256("nonce").into(),
            deadline: U256::from(1_800_000_000u64),
            witness: Witness { to: address("to"), facilitator, valid_after: U256::ZERO },
        };
        Signed { permit, signature: (*NOISE).into() }
    }
}

/// No signature, but as long and as incompressible as a key's.
pub static NOISE: LazyLock<[u8; 65]> = LazyLock::new(|| {
    let mut noise = [27; 65];
    for (place, byte) in noise.iter_mut().zip(keccak256("r").0.into_iter().chain(keccak256("s").0)) {
        *place = byte;
    }
    noise
});

mod abi {
    alloy::sol! {
        function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external;
    }
}

/// `Permit2.invalidateUnorderedNonces(word, bit)`: the payer's own word that a permit is worthless.
pub(super) fn invalidate_call(permit: &Permit) -> EvmCall {
    use alloy::sol_types::SolCall;
    let (word, mask) = permit.place();
    let data = abi::invalidateUnorderedNoncesCall { wordPos: word, mask }.abi_encode().into();
    EvmCall { to: PERMIT2, data }
}

/// What kind of payee somebody was at the last look, so that an effort is told without I/O.
#[derive(Debug)]
pub struct Payees(Recent<(Address, Address), Payee>);

impl Default for Payees {
    fn default() -> Self {
        Self(Recent::new(1024))
    }
}

impl Payees {
    /// As it was seen last.
    pub fn seen(&self, token: Address, payee: Address) -> Option<Payee> {
        self.0.get(&(token, payee))
    }
    /// Keeps what was seen.
    pub fn saw(&self, token: Address, payee: Address, kind: Payee) {
        self.0.put((token, payee), kind);
    }
    /// From memory, else by one look at the chain.
    ///
    /// # Errors
    /// Those of looking, and of [`number`].
    pub async fn kind(&self, evm: &dyn Evm, token: Address, payee: Address) -> Result<Payee> {
        if let Some(kind) = self.seen(token, payee) {
            return Ok(kind);
        }
        let looked = evm.look(&[balance_call(token, payee)], At::Latest).await?;
        let kind = Payee::of_balance(number(&looked, 0)?);
        self.saw(token, payee, kind);
        Ok(kind)
    }
}
