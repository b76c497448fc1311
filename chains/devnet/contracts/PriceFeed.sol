// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title A price feed with Chainlink's AggregatorV3 interface, whose answer anyone may set
/// @notice For local chains only. One slot a value, so that the genesis and the knobs can write them.
contract PriceFeed {
    int256 private _answer; // 0
    uint256 private _updatedAt; // 1
    uint80 private _round; // 2
    uint8 public decimals; // 3
    string public description; // 4

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    function version() external pure returns (uint256) {
        return 4;
    }

    /// @notice Sets the answer as of `updatedAt`; a time in the past makes the feed stale.
    function set(int256 answer, uint256 updatedAt) external {
        _answer = answer;
        _updatedAt = updatedAt;
        _round += 1;
        emit AnswerUpdated(answer, _round, updatedAt);
    }

    function latestAnswer() external view returns (int256) {
        return _answer;
    }

    function latestTimestamp() external view returns (uint256) {
        return _updatedAt;
    }

    function latestRound() external view returns (uint256) {
        return _round;
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return (_round, _answer, _updatedAt, _updatedAt, _round);
    }

    /// @notice Only the latest round is kept.
    function getRoundData(uint80 wanted)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        require(wanted == _round, "No data present");
        return (_round, _answer, _updatedAt, _updatedAt, _round);
    }
}
