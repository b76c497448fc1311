// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

interface IL1Fees {
    function getL1Fee(bytes memory unsignedTransaction) external view returns (uint256);
    function l1BaseFee() external view returns (uint256);
}

/// @title NodeInterface (0xC8), as far as estimating gas goes
/// @notice The L1 part is computed by the same rules that the node charges by: the compressed size of the
/// transaction, times 16, times the L1 price, over the L2 base fee.
contract NodeInterface {
    /// @dev Where this devnet keeps its copy of the fee oracle on Arbitrum; nothing sits there on the real chain.
    IL1Fees private constant FEES = IL1Fees(0xA4b0000000000000000000000000000000004200);
    /// @dev What an EIP-1559 transaction holds besides its data and signature: ids, fees, nonce, recipient.
    bytes private constant ENVELOPE = hex"02f9016b82a4b1820539830f42408405f5e1008302bf2094af88d065e77c8cc2239327c5edb3a432268e583180";

    function gasEstimateL1Component(address, bool, bytes calldata data)
        external
        payable
        returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate)
    {
        return (_gasForL1(data), block.basefee, FEES.l1BaseFee());
    }

    function gasEstimateComponents(address to, bool contractCreation, bytes calldata data)
        external
        payable
        returns (uint64 gasEstimate, uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate)
    {
        gasEstimateForL1 = _gasForL1(data);
        gasEstimate = _gasForL2(to, contractCreation, data) + gasEstimateForL1;
        return (gasEstimate, gasEstimateForL1, block.basefee, FEES.l1BaseFee());
    }

    function _gasForL1(bytes calldata data) private view returns (uint64) {
        if (block.basefee == 0) return 0;
        return uint64(FEES.getL1Fee(bytes.concat(ENVELOPE, data)) / block.basefee);
    }

    /// @dev The real one runs the node's estimator. Here the call is made, metered, and padded for the 63/64
    /// rule; `msg.sender` of the inner call is this contract.
    function _gasForL2(address to, bool contractCreation, bytes calldata data) private returns (uint64) {
        uint256 intrinsic = contractCreation ? 53000 : 21000;
        for (uint256 i = 0; i < data.length; i++) {
            intrinsic += data[i] == 0 ? 4 : 16;
        }
        uint256 before = gasleft();
        if (contractCreation) {
            bytes memory code = data;
            address made;
            assembly {
                made := create(callvalue(), add(code, 0x20), mload(code))
            }
            require(made != address(0), "execution reverted");
        } else {
            (bool ok, bytes memory result) = to.call{value: msg.value}(data);
            if (!ok) {
                assembly {
                    revert(add(result, 0x20), mload(result))
                }
            }
        }
        uint256 used = before - gasleft();
        return uint64(intrinsic + used + used / 63);
    }
}
