// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title The upgradeable front of the stand-in token
/// @notice The real token sits behind a proxy, which costs gas in every call, so the stand-in does too. The two
/// slots are those of the published zeppelinos proxy, so that tools which look there find something.
contract UsdCoinProxy {
    bytes32 private constant IMPLEMENTATION = keccak256("org.zeppelinos.proxy.implementation");
    bytes32 private constant ADMIN = keccak256("org.zeppelinos.proxy.admin");

    fallback() external payable {
        bytes32 adminSlot = ADMIN;
        bytes32 implementationSlot = IMPLEMENTATION;
        address admin;
        assembly {
            admin := sload(adminSlot)
        }
        require(msg.sender != admin, "Cannot call fallback function from the proxy admin");
        assembly {
            let implementation := sload(implementationSlot)
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), implementation, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if ok { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}
