use tollway_core::KnownAsset;

const USD_COIN_2: &[(&str, &str)] = &[("name", "USD Coin"), ("version", "2")];
const USDC_2: &[(&str, &str)] = &[("name", "USDC"), ("version", "2")];
const USDT0_1: &[(&str, &str)] = &[("name", "USDT0"), ("version", "1")];

const fn token(
    chain: &'static str,
    key: &'static str,
    symbol: &'static str,
    extra: &'static [(&'static str, &'static str)],
) -> KnownAsset {
    KnownAsset { chain, key, symbol, decimals: 6, extra }
}

/// Tokens whose EIP-712 domain is known. The name is the contract's own: USDC is `USD Coin` on some chains and
/// `USDC` on others, and the wrong one makes a signature that looks fine and fails on chain. The first token of a
/// chain is what a plain dollar price means there.
pub(crate) const TOKENS: &[KnownAsset] = &[
    token("eip155:1", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", USD_COIN_2),
    token("eip155:8453", "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "USDC", USD_COIN_2),
    token("eip155:10", "0x0b2c639c533813f4aa9d7837caf62653d097ff85", "USDC", USD_COIN_2),
    token("eip155:42161", "0xaf88d065e77c8cc2239327c5edb3a432268e5831", "USDC", USD_COIN_2),
    token("eip155:137", "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359", "USDC", USD_COIN_2),
    token("eip155:43114", "0xb97ef9ef8734c71904d8002f8b6bc66dd9c48a6e", "USDC", USD_COIN_2),
    token("eip155:42220", "0xceba9300f2b948710d2653dd7b07f33a8b32118c", "USDC", USDC_2),
    token(
        "eip155:42220",
        "0x48065fbbe25f71c9282ddf5e1cd6d6a887483d5e",
        "USDT",
        &[("name", "Tether USD"), ("version", "1")],
    ),
    token(
        "eip155:42220",
        "0xd2ab3c9a02dbbab236bfec45d1d755df4267f771",
        "USAT",
        &[("name", "Tether America USD"), ("version", "1")],
    ),
    token(
        "eip155:14",
        "0xe7cd86e13ac4309349f30b3435a9d337750fc82d",
        "USDT0",
        &[("name", "USD₮0"), ("version", "1")],
    ),
    token("eip155:50", "0xfa2958cb79b0491cc627c1557f441ef849ca8eb1", "USDC", USDC_2),
    token("eip155:143", "0x754704bc059f8c67012fed69bc8a327a5aafb603", "USDC", USDC_2),
    token("eip155:988", "0x779ded0c9e1022225f8e0630b35a9b54be713736", "USDT0", USDT0_1),
    token("eip155:1329", "0xe15fc38f6d8c56af07bbcbe3baf5708a2bf42392", "USDC", USDC_2),
    token("eip155:84532", "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "USDC", USDC_2),
    token("eip155:421614", "0x75faf114eafb1bdbe2f0316df893fd58ce46aa4d", "USDC", USD_COIN_2),
    token("eip155:11142220", "0x01c5c0122039549ad1493b8220cabedd739bc44e", "USDC", USDC_2),
    token("eip155:51", "0xb5ab69f7bbada22b28e79c8ffaece55ef1c771d4", "USDC", USDC_2),
    token("eip155:1328", "0x4fcf1784b31630811181f670aea7a7bef803eaed", "USDC", USDC_2),
    token("eip155:2201", "0x78cf24370174180738c5b8e352b6d14c83a6c9a9", "USDT0", USDT0_1),
];
