// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IERC1271, Signatures} from "./Signatures.sol";

/// @title Accounts with code, for local chains only: what pays when no plain key does
/// @notice Each answers ERC-1271. The honest ones are as small as they can be; the others do what a payer could do
/// to whoever settles its payments.

/// @notice Accepts its owner's plain signature.
contract OwnedWallet is IERC1271 {
    address public owner; // 0

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        return Signatures.recover(hash, signature) == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice Deploys owned wallets at addresses that are known before.
contract WalletFactory {
    /// @dev As factories of ERC-4337 accounts must: an account that is there already is answered, not made again.
    function deploy(address owner, bytes32 salt) external returns (address made) {
        made = place(owner, salt);
        if (made.code.length == 0) deployBlindly(owner, salt);
    }

    /// @dev As older factories do: a second deployment collides, which burns all the gas that it was given.
    function deployBlindly(address owner, bytes32 salt) public returns (address) {
        return address(new OwnedWallet{salt: salt}(owner));
    }

    function place(address owner, bytes32 salt) public view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(OwnedWallet).creationCode, abi.encode(owner)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, code)))));
    }
}

/// @notice For accounts that delegate to it (EIP-7702): accepts the account's own key.
contract KeyWallet is IERC1271 {
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        return
            Signatures.recover(hash, signature) == address(this)
                ? this.isValidSignature.selector
                : bytes4(0xffffffff);
    }
}

/// @notice Accepts anything.
contract YesWallet is IERC1271 {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice Accepts anything, once it has burnt as much gas as it was told to.
contract GreedyWallet is IERC1271 {
    uint256 public appetite; // 0

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 before = gasleft();
        uint256 wanted = appetite;
        while (before - gasleft() < wanted) {}
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice Accepts anything until it has turned.
contract TurncoatWallet is IERC1271 {
    bool public turned; // 0

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return turned ? bytes4(0xffffffff) : IERC1271.isValidSignature.selector;
    }
}

/// @notice Accepts anything when it is only asked, and nothing when somebody pays for the gas; then it burns all of it.
contract ChameleonWallet is IERC1271 {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        while (tx.gasprice != 0) {}
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice Accepts anything, once it has burnt all of its gas but so much: cheap wherever it is given little.
contract FrugalWallet is IERC1271 {
    uint256 public leaves; // 0

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 rest = leaves;
        while (gasleft() > rest) {}
        return IERC1271.isValidSignature.selector;
    }
}
