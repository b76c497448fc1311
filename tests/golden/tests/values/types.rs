//! Typehashes and domain separators of what Tollway has no plugin for yet: Permit2, upto, batches, auth-capture, signed
//! offers and receipts. Computed from the published type strings by alloy; the plugins will take over.

use crate::evm::{
    BASE, BASE_SEPOLIA, batch, batches, captures, exact, permit2, receipts, tokens, typehash, upto,
};
use alloy::primitives::b256;

#[test]
fn of_permits() {
    assert_eq!(
        typehash::<tokens::Permit>(),
        b256!("6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9")
    );
    let permissions = b256!("618358ac3db8dc274f0cd8829da7e234bd48cd73c4a740aede1adec9846d06a1");
    assert_eq!(typehash::<exact::TokenPermissions>(), permissions);
    assert_eq!(typehash::<upto::TokenPermissions>(), permissions);
    assert_eq!(typehash::<batches::TokenPermissions>(), permissions);
    assert_eq!(typehash::<captures::TokenPermissions>(), permissions);
    assert_eq!(
        typehash::<captures::PermitTransferFrom>(),
        b256!("939c21a48a8dbe3a9a2404a1d46691e4d39f6583d6ec6b35714604c986d80106")
    );
}

#[test]
fn of_exact() {
    assert_eq!(
        typehash::<exact::Witness>(),
        b256!("d97b3239a7f32295517bd14cb074edfdd188dfe5eb42f802bb26d4fd1eb12c37")
    );
    assert_eq!(
        typehash::<exact::PermitWitnessTransferFrom>(),
        b256!("ebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7")
    );
}

#[test]
fn of_upto() {
    assert_eq!(
        typehash::<upto::Witness>(),
        b256!("d4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75")
    );
    assert_eq!(
        typehash::<upto::PermitWitnessTransferFrom>(),
        b256!("51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee")
    );
}

#[test]
fn of_batches() {
    assert_eq!(
        typehash::<batches::DepositWitness>(),
        b256!("ba0000097e86dabe64178afe31109221193339a6861598f2133fcbdc92c84479")
    );
    assert_eq!(
        typehash::<batches::PermitWitnessTransferFrom>(),
        b256!("436a25c01a21a6ed025816c4c9ea3d6132aa879dd7ef16f6188dd3b0aebccc52")
    );
    assert_eq!(
        typehash::<batches::ChannelConfig>(),
        b256!("1c9a06ceab9b0ebbd3301dc56c9111bb6d9af421356dc9ccb3b7084c755db308")
    );
    assert_eq!(
        typehash::<batches::Voucher>(),
        b256!("1e1bd6ff84c3e0d9029a292b212e039c0ca97ec497c55191a4a5874294609a69")
    );
    assert_eq!(
        typehash::<batches::Refund>(),
        b256!("be23ad087435072cd69b49cc5b92de10ee610fce7ae0ab428307972d764bb216")
    );
    assert_eq!(
        typehash::<batches::ClaimEntry>(),
        b256!("30b9a0367528fca13c3e8ec6134c3113f1887ebe7a1ad61de0955aac288b0cf5")
    );
    assert_eq!(
        typehash::<batches::ClaimBatch>(),
        b256!("42bd57c010b870c2e96203c66341f28a6a19b4d56a74533a8eb5f706b9fd6d57")
    );
}

#[test]
fn of_auth_capture() {
    assert_eq!(
        typehash::<captures::PaymentInfo>(),
        b256!("ae68ac7ce30c86ece8196b61a7c486d8f0061f575037fbd34e7fe4e2820c6591")
    );
    assert_eq!(
        typehash::<captures::x402AuthCaptureSaltBinding>(),
        b256!("8a2a7e41a0bda000ded071ff38b79401d2603e1826516ff2635b11fe9e30877f")
    );
    assert_eq!(
        typehash::<captures::Charge>(),
        b256!("ba9da40d4f89fae2231b9433a08482e7850a6e81c2bea980dc1411c5e4bcd692")
    );
    assert_eq!(
        typehash::<captures::Void>(),
        b256!("80be0473b8db3dab0f581a2d5047c8427e224f5a2d7c8cf47f33c59138d5d7f6")
    );
    assert_eq!(
        typehash::<captures::Capture>(),
        b256!("7552a0b8573d2e7a1b95911dca3a9ffe4719360b15877a812b891b85ebaf15a8")
    );
    assert_eq!(
        typehash::<captures::Refund>(),
        b256!("154b6cc065d8b728fdd99c222e8d6aa851df9b8f72ab09a9135939d9a882e172")
    );
}

#[test]
fn of_offers_and_receipts() {
    assert_eq!(
        typehash::<receipts::Offer>(),
        b256!("85143d3249b5e62ed5edd3d59a352d4e1181c775ff4f762f9c8a617f6bf1e97d")
    );
    assert_eq!(
        typehash::<receipts::Receipt>(),
        b256!("616944bc4bb51b3d5fcbba8c559f76d57a93ac1e0d6659f1abbe95f92300c06f")
    );
}

#[test]
fn separators() {
    assert_eq!(
        permit2(BASE).separator(),
        b256!("3b6f35e4fce979ef8eac3bcdc8c3fc38fe7911bb0c69c8fe72bf1fd1a17e6f07")
    );
    assert_eq!(
        permit2(BASE_SEPOLIA).separator(),
        b256!("010f27a92fb9a32622f44f001dc4d15706a85b33499cfc2ce9033113ab26592c")
    );
    assert_eq!(
        batch(BASE).separator(),
        b256!("d8d982716899b0e20cf2c1e706a37b8a892c83fdd4ac9b540cfeec11f9c73a39")
    );
    assert_eq!(
        batch(BASE_SEPOLIA).separator(),
        b256!("fdef80764086b1e0fc6ba99f0cb9aa1d59109fda7c23d60334c89d2de44dffce")
    );
}
