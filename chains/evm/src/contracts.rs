//! The few contract interfaces that the network code itself calls.

use alloy::sol;

sol! {
    /// Many calls in one.
    interface IMulticall3 {
        struct Call3 { address target; bool allowFailure; bytes callData; }
        struct Result { bool success; bytes returnData; }
        function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory returnData);
        function getBlockNumber() external view returns (uint256 blockNumber);
        function getCurrentBlockTimestamp() external view returns (uint256 timestamp);
        function getEthBalance(address addr) external view returns (uint256 balance);
    }

    interface IErc20 {
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
    }

    /// The OP stack's fee predeploy.
    interface IGasPriceOracle {
        function l1BaseFee() external view returns (uint256);
        function blobBaseFee() external view returns (uint256);
        function baseFeeScalar() external view returns (uint32);
        function blobBaseFeeScalar() external view returns (uint32);
        function isEcotone() external view returns (bool);
        function isFjord() external view returns (bool);
        function getOperatorFee(uint256 gasUsed) external view returns (uint256);
        function getL1Fee(bytes memory unsignedTransaction) external view returns (uint256);
    }

    /// Arbitrum's prices, a precompile.
    interface IArbGasInfo {
        function getPricesInWei() external view returns (uint256, uint256, uint256, uint256, uint256, uint256);
    }

    /// Arbitrum's version, a precompile.
    interface IArbSys {
        function arbOSVersion() external view returns (uint256);
    }

    /// Arbitrum's estimator; answers `eth_call` only, never another contract.
    interface INodeInterface {
        function gasEstimateL1Component(address to, bool contractCreation, bytes calldata data)
            external payable returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);
    }

    /// Chainlink's price feed.
    interface IAggregator {
        function decimals() external view returns (uint8);
        function latestRoundData() external view
            returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    }
}
