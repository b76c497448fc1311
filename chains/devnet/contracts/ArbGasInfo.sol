// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

interface IL1Block {
    function basefee() external view returns (uint256);
}

/// @title ArbGasInfo (0x6C), as far as fees go
/// @notice The L1 price lives in one place on this devnet, the `L1Block` slot that the node charges from, so
/// that what is told here and what is charged cannot differ.
contract ArbGasInfo {
    IL1Block private constant L1_BLOCK = IL1Block(0x4200000000000000000000000000000000000015);
    uint256 private constant UNITS_PER_BYTE = 16;
    uint256 private constant SIMPLE_TX_BYTES = 140;
    uint256 private constant STORAGE_GAS = 20000;

    uint256 private _minimumGasPrice; // 0

    function getPricesInWei() public view returns (uint256, uint256, uint256, uint256, uint256, uint256) {
        uint256 perL1Byte = L1_BLOCK.basefee() * UNITS_PER_BYTE;
        uint256 perArbGasBase = block.basefee < _minimumGasPrice ? block.basefee : _minimumGasPrice;
        return (
            perL1Byte * SIMPLE_TX_BYTES,
            perL1Byte,
            block.basefee * STORAGE_GAS,
            perArbGasBase,
            block.basefee - perArbGasBase,
            block.basefee
        );
    }

    function getPricesInWeiWithAggregator(address)
        external
        view
        returns (uint256, uint256, uint256, uint256, uint256, uint256)
    {
        return getPricesInWei();
    }

    function getPricesInArbGas() external view returns (uint256, uint256, uint256) {
        uint256 perL1Byte = L1_BLOCK.basefee() * UNITS_PER_BYTE;
        if (block.basefee == 0) return (0, 0, STORAGE_GAS);
        return (perL1Byte * SIMPLE_TX_BYTES / block.basefee, perL1Byte / block.basefee, STORAGE_GAS);
    }

    function getMinimumGasPrice() external view returns (uint256) {
        return _minimumGasPrice;
    }

    function getL1BaseFeeEstimate() external view returns (uint256) {
        return L1_BLOCK.basefee();
    }

    function getL1GasPriceEstimate() external view returns (uint256) {
        return L1_BLOCK.basefee();
    }

    function getL1FeesAvailable() external pure returns (uint256) {
        return 0;
    }
}
