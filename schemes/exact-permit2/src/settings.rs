//! What a user may set for this plugin.

use serde::Deserialize;
use tollway_evm::permit2::Settings as Shared;

/// The part of the section `exact` that this plugin reads: the table `permit2`. The section is shared with the other cells
/// of the scheme, so what is not named here is left to them.
///
/// ```toml
/// [exact.permit2]
/// allow_unknown_assets = false
/// max_timeout_s = 86400
/// approval_payments = 20                # an approval's gas is shared by so many payments when routes are compared
/// signature_gas_max = 400000            # for a payer's code to check a signature
/// gas_sponsoring = ["eip2612"]          # or "erc20_approval" too; [] for none
/// tokens = [{ chain = "eip155:31337", address = "0x5FbDB2315678afecb367f032d93F642f64180aa3" }]
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) permit2: Shared,
}
