//! The tokens beside USDC, as data. They exist on local chains only, at the same address on each.

/// A token of a local chain and what is peculiar to it. Payers and every other merchant hold some, nobody has an
/// allowance to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenSpec {
    /// What `name()` answers, and the EIP-712 domain name where there are permits.
    pub name: &'static str,
    /// What `symbol()` answers.
    pub symbol: &'static str,
    /// Its address, checksummed.
    pub address: &'static str,
    /// How many decimals its units have.
    pub decimals: u8,
    /// The EIP-712 domain version, if it takes EIP-2612 permits.
    pub permit_version: Option<&'static str>,
    /// The contract behind it.
    pub(crate) contract: &'static str,
}

impl TokenSpec {
    /// An ERC-20 without permits or authorizations of any kind.
    pub const PLAIN: Self = Self {
        name: "Plain Dollar",
        symbol: "PLAIN",
        address: "0x7011a90000000000000000000000000000000001",
        decimals: 6,
        permit_version: None,
        contract: "PlainToken",
    };
    /// An ERC-20 with EIP-2612 permits and without EIP-3009.
    pub const PERMIT: Self = Self {
        name: "Permit Dollar",
        symbol: "PERM",
        address: "0x7011A90000000000000000000000000000000002",
        permit_version: Some("1"),
        contract: "PermitToken",
        ..Self::PLAIN
    };
    /// A token like USDT: `transfer`, `transferFrom` and `approve` answer nothing, and an allowance must go back to
    /// zero before it is changed.
    pub const SILENT: Self = Self {
        name: "Silent Dollar",
        symbol: "MUTE",
        address: "0x7011A90000000000000000000000000000000003",
        contract: "SilentToken",
        ..Self::PLAIN
    };
    /// A token with 18 decimals, with EIP-2612 permits.
    pub const EIGHTEEN: Self = Self {
        name: "Wide Dollar",
        symbol: "WIDE",
        address: "0x7011a90000000000000000000000000000000004",
        decimals: 18,
        ..Self::PERMIT
    };
    /// A token that keeps one percent of each transfer: the payee gets less than was sent, so no payment in it is
    /// ever exact.
    pub const FEE: Self = Self {
        name: "Fee Dollar",
        symbol: "FEE",
        address: "0x7011A90000000000000000000000000000000005",
        contract: "FeeToken",
        ..Self::PLAIN
    };
    /// All of them.
    pub const ALL: [Self; 5] = [Self::PLAIN, Self::PERMIT, Self::SILENT, Self::EIGHTEEN, Self::FEE];
}
