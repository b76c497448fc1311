//! The plugins that this build carries, by feature.

use tollway_core::Plugin;

/// Every plugin whose feature is on. Adding one here and to the features is all that the facade needs.
pub const PLUGINS: &[Plugin] = &[
    #[cfg(feature = "evm")]
    Plugin::Family(tollway_evm::FAMILY),
    #[cfg(feature = "solana")]
    Plugin::Family(tollway_solana::FAMILY),
    #[cfg(feature = "exact-eip3009")]
    Plugin::Scheme(tollway_exact_eip3009::ENTRY),
    #[cfg(feature = "exact-permit2")]
    Plugin::Scheme(tollway_exact_permit2::ENTRY),
    #[cfg(feature = "exact-spl")]
    Plugin::Scheme(tollway_exact_spl::ENTRY),
    #[cfg(feature = "upto-permit2")]
    Plugin::Scheme(tollway_upto_permit2::ENTRY),
];
