/// How much is read of what a peer sends. Sizes are of the text as it came, before any decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// A payment header, in bytes of base64.
    pub payment_bytes: usize,
    /// A challenge: the v2 header in base64, or the v1 body.
    pub challenge_bytes: usize,
    /// A receipt header, in bytes of base64.
    pub receipt_bytes: usize,
    /// How deep JSON may nest.
    pub depth: usize,
}

impl Limits {
    /// 64 KiB for payments and receipts, 256 KiB for challenges (256 entries with their schemas), 64 levels.
    pub const DEFAULT: Self =
        Self { payment_bytes: 64 << 10, challenge_bytes: 256 << 10, receipt_bytes: 64 << 10, depth: 64 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
