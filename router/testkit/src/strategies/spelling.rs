use proptest::prelude::*;

/// How a chain family is spelled on the wire, for the strategies that need addresses and networks.
#[derive(Debug, Clone, Copy)]
pub struct Spelling {
    /// CAIP-2 ids, with the names that x402 v1 has for them. At least two.
    pub chains: &'static [(&'static str, &'static str)],
    /// Any address in any spelling that the family reads.
    pub address: fn() -> BoxedStrategy<String>,
}

impl Spelling {
    /// Simulated chains, as [`crate::sim::FAMILY`] reads them.
    pub const SIM: Self = Self { chains: &[("sim:1", "sim"), ("sim:2", "sim-two")], address: hex_address };
    /// EVM chains. Addresses are lower case: a checksum would need more than a spelling.
    pub const EVM: Self =
        Self { chains: &[("eip155:8453", "base"), ("eip155:84532", "base-sepolia")], address: lower_address };

    /// One of its networks: the CAIP-2 id and the v1 name.
    pub fn network(self) -> impl Strategy<Value = (&'static str, &'static str)> {
        prop::sample::select(self.chains)
    }
}

fn lower_address() -> BoxedStrategy<String> {
    "0x[0-9a-f]{40}".boxed()
}

fn hex_address() -> BoxedStrategy<String> {
    prop_oneof!["0x[0-9a-f]{40}", "0x[0-9A-F]{40}", "0x[0-9a-fA-F]{40}"].boxed()
}
