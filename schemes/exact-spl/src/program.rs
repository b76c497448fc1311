//! The programs that a payment may call, and those that it may not but that are told apart in a refusal.
//!
//! Source: x402 v2 `scheme_exact_svm`, and each program's own interface.

use tollway_solana::Pubkey;
pub(crate) use tollway_solana::address::{ASSOCIATED_TOKEN, COMPUTE_BUDGET, TOKEN, TOKEN_2022};

/// Writes bytes into the log.
pub(crate) const MEMO: Pubkey = Pubkey::from_str_const("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
/// Assertions that wallets add to protect their users; it moves nothing.
pub(crate) const LIGHTHOUSE: Pubkey = Pubkey::from_str_const("L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95");
/// Moves lamports, makes accounts, keeps durable nonces.
pub(crate) const SYSTEM: Pubkey = Pubkey::from_str_const("11111111111111111111111111111111");

/// Programs that smart wallets pay through. Source: x402 v2 `scheme_exact_svm`, path 2.
pub(crate) const SMART_WALLETS: [Pubkey; 6] = [
    Pubkey::from_str_const("SQDS4ep65T869zMMBKyuUq6aD6EgTu8psMjkvj52pCf"),
    Pubkey::from_str_const("SMRTzfY6DfH5ik3TKiyLFfXexV8uSG3d2UksSCYdunG"),
    Pubkey::from_str_const("SWiGmQedKzMz1tiTqoJCWeGDnGXfNBp2PkXLkpCAtQo"),
    Pubkey::from_str_const("swigypWHEksbC64pWKwah1WTeh9JXwx8H1rJHLdbQMB"),
    Pubkey::from_str_const("GovER5Lthms3bLBqWub97yVrMmEogzX7xNjdXpPPCVZw"),
    Pubkey::from_str_const("CoREENxT6tW1HoK8ypY1SxRMZTcVPm7R94rH4PZNhX7d"),
];

/// Discriminators of instructions.
pub(crate) mod op {
    /// Compute budget: `SetComputeUnitLimit(u32)`.
    pub(crate) const COMPUTE_LIMIT: u8 = 2;
    /// Compute budget: `SetComputeUnitPrice(u64)`, in micro-lamports.
    pub(crate) const COMPUTE_PRICE: u8 = 3;
    /// Token: `TransferChecked(u64 amount, u8 decimals)`.
    pub(crate) const TRANSFER_CHECKED: u8 = 12;
    /// Token: `Approve`, `Revoke`, `ApproveChecked`.
    pub(crate) const APPROVALS: [u8; 3] = [4, 5, 13];
    /// Token: `SetAuthority`.
    pub(crate) const SET_AUTHORITY: u8 = 6;
    /// Token: `CloseAccount`.
    pub(crate) const CLOSE_ACCOUNT: u8 = 9;
    /// Token: `Transfer` without a check of mint and decimals.
    pub(crate) const TRANSFER: u8 = 3;
    /// Token-2022: the transfer fee extension, whose first inner instruction is a transfer.
    pub(crate) const TRANSFER_FEE_EXTENSION: u8 = 26;
    /// System: `AdvanceNonceAccount`, as a little-endian `u32`.
    pub(crate) const ADVANCE_NONCE: [u8; 4] = [4, 0, 0, 0];
    /// Associated token accounts: `CreateIdempotent`.
    pub(crate) const CREATE_IDEMPOTENT: u8 = 1;
}

/// The most bytes of a memo. Source: x402 v2 `scheme_exact_svm`.
pub(crate) const MEMO_MAX: usize = 256;
