use tollway_core::KnownNetwork;

const fn main(
    chain: &'static str,
    title: &'static str,
    v1_name: Option<&'static str>,
    coin: &'static str,
) -> KnownNetwork {
    KnownNetwork { chain, title, v1_name, coin, coin_decimals: 18, testnet: false }
}

const fn test(
    chain: &'static str,
    title: &'static str,
    v1_name: Option<&'static str>,
    coin: &'static str,
) -> KnownNetwork {
    KnownNetwork { chain, title, v1_name, coin, coin_decimals: 18, testnet: true }
}

/// Chains with a name. The v1 names are those of the reference SDK's map; a chain outside it is v2 only.
pub(crate) const NETWORKS: &[KnownNetwork] = &[
    main("eip155:1", "Ethereum", Some("ethereum"), "ETH"),
    main("eip155:10", "OP Mainnet", None, "ETH"),
    main("eip155:14", "Flare", Some("flare"), "FLR"),
    main("eip155:50", "XDC", None, "XDC"),
    main("eip155:137", "Polygon", Some("polygon"), "POL"),
    main("eip155:143", "Monad", Some("monad"), "MON"),
    main("eip155:988", "Stable", Some("stable"), "USDT0"),
    main("eip155:1329", "Sei", Some("sei"), "SEI"),
    main("eip155:1514", "Story", Some("story"), "IP"),
    main("eip155:2741", "Abstract", Some("abstract"), "ETH"),
    main("eip155:3338", "peaq", Some("peaq"), "PEAQ"),
    main("eip155:4326", "MegaETH", Some("megaeth"), "ETH"),
    main("eip155:4689", "IoTeX", Some("iotex"), "IOTX"),
    main("eip155:8453", "Base", Some("base"), "ETH"),
    main("eip155:31612", "Mezo", None, "BTC"),
    main("eip155:41923", "EDU Chain", Some("educhain"), "EDU"),
    main("eip155:42161", "Arbitrum One", None, "ETH"),
    main("eip155:42220", "Celo", Some("celo"), "CELO"),
    main("eip155:43114", "Avalanche", Some("avalanche"), "AVAX"),
    test("eip155:51", "XDC Apothem", None, "TXDC"),
    test("eip155:1328", "Sei Testnet", Some("sei-testnet"), "SEI"),
    test("eip155:2201", "Stable Testnet", Some("stable-testnet"), "USDT0"),
    test("eip155:10143", "Monad Testnet", Some("monad-testnet"), "MON"),
    test("eip155:11124", "Abstract Testnet", Some("abstract-testnet"), "ETH"),
    test("eip155:31611", "Mezo Testnet", None, "BTC"),
    test("eip155:43113", "Avalanche Fuji", Some("avalanche-fuji"), "AVAX"),
    test("eip155:80002", "Polygon Amoy", Some("polygon-amoy"), "POL"),
    test("eip155:84532", "Base Sepolia", Some("base-sepolia"), "ETH"),
    test("eip155:421614", "Arbitrum Sepolia", None, "ETH"),
    test("eip155:11142220", "Celo Sepolia", None, "CELO"),
    test("eip155:11155111", "Sepolia", Some("sepolia"), "ETH"),
    test("eip155:11155420", "OP Sepolia", None, "ETH"),
    test("eip155:324705682", "SKALE Base Sepolia", Some("skale-base-sepolia"), "CREDIT"),
];
