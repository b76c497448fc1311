//! Our stand-ins for the Permit2 proxies are called, found and signed for as the SDK does it.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollway_devnet::{PERMIT2, X402_EXACT_PERMIT2_PROXY, X402_UPTO_PERMIT2_PROXY, contract_abi};
use tollway_interop::{BASE, bed};

/// What the published contracts have and the SDK's ABIs leave out. `InvalidAmount` is in one of the two.
const BEYOND: [&str; 4] = [
    "EIP2612PermitFailedWithReason",
    "EIP2612PermitFailedWithPanic",
    "EIP2612PermitFailedWithData",
    "InvalidAmount",
];

/// Computed from the published type strings.
const TOKEN_PERMISSIONS: &str = "0x618358ac3db8dc274f0cd8829da7e234bd48cd73c4a740aede1adec9846d06a1";

struct Proxy {
    name: &'static str,
    address: &'static str,
    witness: &'static str,
    permit: &'static str,
    witness_type: &'static str,
}

const PROXIES: [Proxy; 2] = [
    Proxy {
        name: "x402ExactPermit2Proxy",
        address: X402_EXACT_PERMIT2_PROXY,
        witness: "0xd97b3239a7f32295517bd14cb074edfdd188dfe5eb42f802bb26d4fd1eb12c37",
        permit: "0xebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7",
        witness_type: "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)",
    },
    Proxy {
        name: "x402UptoPermit2Proxy",
        address: X402_UPTO_PERMIT2_PROXY,
        witness: "0xd4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75",
        permit: "0x51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee",
        witness_type: "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)",
    },
];

fn set(lines: &Value) -> BTreeSet<String> {
    lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_proxies_have_the_interface_that_the_sdk_expects() {
    bed().run(async {
        let bed = bed();
        let program = bed.program("contracts", &json!({})).await;
        for proxy in PROXIES {
            let asked = json!({ "do": "proxy", "name": proxy.name, "rpc": bed.chain(BASE).http_url() });
            let theirs = program.ask(asked).await.unwrap();
            let ours = json!({ "do": "lines", "abi": contract_abi(proxy.name).unwrap() });
            let ours = set(&program.ask(ours).await.unwrap());
            let expected = set(&theirs["abi"]);
            assert!(expected.len() > 10, "{theirs}");
            assert_eq!(
                expected.difference(&ours).collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "{}",
                proxy.name
            );
            let beyond: Vec<_> = ours.difference(&expected).collect();
            assert!(beyond.iter().all(|line| BEYOND.iter().any(|name| line.contains(name))), "{beyond:?}");

            assert_eq!(theirs["address"], proxy.address);
            assert_eq!(theirs["witness"], proxy.witness);
            assert_eq!(theirs["permit"], proxy.permit);
            assert_eq!(theirs["permitted"], TOKEN_PERMISSIONS);
            assert_eq!(
                (&theirs["permit2"], &theirs["onChain"]["PERMIT2"]),
                (&json!(PERMIT2), &json!(PERMIT2))
            );
            assert_eq!(theirs["onChain"]["WITNESS_TYPEHASH"], proxy.witness);
            assert_eq!(theirs["onChain"]["WITNESS_TYPE_STRING"], proxy.witness_type);
        }
    });
}
