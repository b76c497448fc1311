//! Tokens: facts of a mint, and what somebody holds of it.

mod parse;

use crate::address::{TOKEN, TOKEN_2022};
use solana_pubkey::Pubkey;
use tollway_core::Funds;

/// Which of the two token programs a mint belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenProgram {
    /// The Token program.
    Token,
    /// Token-2022, whose mints may have extensions.
    Token2022,
}

impl TokenProgram {
    /// Its address.
    pub const fn id(self) -> Pubkey {
        match self {
            Self::Token => TOKEN,
            Self::Token2022 => TOKEN_2022,
        }
    }
    /// The program at an address, if it is one of the two.
    pub fn at(address: &Pubkey) -> Option<Self> {
        [Self::Token, Self::Token2022].into_iter().find(|program| program.id() == *address)
    }
}

/// A token's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mint {
    /// The program it belongs to.
    pub program: TokenProgram,
    /// Fraction digits.
    pub decimals: u8,
    /// Its extensions, in the order found; empty for the Token program.
    pub extensions: Vec<Extension>,
}

/// What a Token-2022 mint or account can do beside the plain. Whoever moves money refuses what it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extension {
    /// A transfer withholds a part.
    TransferFee(TransferFee),
    /// A transfer left so much withheld here. Only on accounts.
    WithheldFee,
    /// The mint may be closed.
    MintCloseAuthority,
    /// Balances can be hidden. Plain transfers are as ever.
    ConfidentialTransfer,
    /// New accounts begin frozen, or not.
    DefaultFrozen(bool),
    /// Accounts want a memo before what they receive. Only on accounts.
    MemoRequired(bool),
    /// Cannot be transferred at all.
    NonTransferable,
    /// Shown amounts grow with time; atomic units do not.
    InterestBearing,
    /// Somebody may move or burn anybody's.
    PermanentDelegate(Option<Pubkey>),
    /// A transfer calls this program.
    TransferHook(Option<Pubkey>),
    /// Points to its name and symbol, or holds them. No effect on transfers.
    Metadata,
    /// Points to its group, or holds it. No effect on transfers.
    Group,
    /// Shown amounts are scaled; atomic units are not.
    ScaledAmount,
    /// Somebody may stop all transfers; true while they are stopped.
    Pausable(bool),
    /// Its owner cannot change. Only on accounts.
    ImmutableOwner,
    /// Cannot be moved by programs that the owner's signature was handed to, while true. Only on accounts.
    CpiGuard(bool),
    /// One that is not known here, by its number.
    Other(u16),
}

/// What a transfer of a token withholds from the amount received. The newer rate holds from its epoch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferFee {
    /// Basis points before.
    pub older_bps: u16,
    /// The most in atomic units before.
    pub older_max: u64,
    /// From this epoch on the newer rate holds.
    pub newer_from_epoch: u64,
    /// Basis points from then on.
    pub newer_bps: u16,
    /// The most in atomic units from then on.
    pub newer_max: u64,
}

/// A token account's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAccount {
    /// The program it belongs to.
    pub program: TokenProgram,
    /// Of which token.
    pub mint: Pubkey,
    /// Whose.
    pub owner: Pubkey,
    /// Atomic units.
    pub amount: u64,
    /// True when it neither sends nor receives.
    pub frozen: bool,
    /// Who may draw on it, and how much.
    pub delegate: Option<(Pubkey, u64)>,
    /// Its extensions, in the order found.
    pub extensions: Vec<Extension>,
}

/// What somebody holds of a token, in the associated token account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Whose, how much, and how old the look is; nothing where there is no account.
    pub funds: Funds,
    /// The program that the token belongs to.
    pub program: TokenProgram,
    /// The associated token account's address.
    pub account: Pubkey,
    /// Whether there is one.
    pub state: HoldingState,
}

/// Whether a token account can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HoldingState {
    /// There is none; it must be made, and its rent paid, before anything is received.
    Missing,
    /// It can send and receive.
    Ready,
    /// It is frozen: neither sends nor receives.
    Frozen,
    /// Something else is at its address (another owner, another mint).
    Unusable,
}
