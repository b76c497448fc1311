// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Signatures} from "./Signatures.sol";

/// @title What every test token remembers
/// @dev The order of the variables is the layout that the genesis and the knobs write.
abstract contract Ledger {
    mapping(address => uint256) public balanceOf; // 0
    mapping(address => mapping(address => uint256)) public allowance; // 1
    uint256 public totalSupply; // 2
    string public name; // 3
    string public symbol; // 4
    uint8 public decimals; // 5

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    error ERC20InvalidReceiver(address receiver);

    function _approve(address owner, address spender, uint256 value) internal {
        allowance[owner][spender] = value;
        emit Approval(owner, spender, value);
    }

    /// @dev An allowance of the greatest number is never used up.
    function _spend(address owner, address spender, uint256 value) internal {
        uint256 left = allowance[owner][spender];
        if (left == type(uint256).max) return;
        if (left < value) revert ERC20InsufficientAllowance(spender, left, value);
        allowance[owner][spender] = left - value;
    }

    function _move(address from, address to, uint256 value) internal virtual {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        uint256 balance = balanceOf[from];
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        balanceOf[from] = balance - value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

/// @title An ERC-20 and nothing else: no permits, no signatures
contract PlainToken is Ledger {
    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, msg.sender, value);
        _move(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }
}

/// @title An ERC-20 with EIP-2612 permits and no EIP-3009
contract PermitToken is PlainToken {
    mapping(address => uint256) public nonces; // 6

    bytes32 public constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    error ERC2612ExpiredSignature(uint256 deadline);
    error ERC2612InvalidSigner(address signer, address owner);

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return Signatures.domainSeparator(name, "1");
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        if (block.timestamp > deadline) revert ERC2612ExpiredSignature(deadline);
        bytes32 hash = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonces[owner]++, deadline));
        address signer =
            Signatures.recover(Signatures.digest(DOMAIN_SEPARATOR(), hash), abi.encodePacked(r, s, v));
        if (signer != owner) revert ERC2612InvalidSigner(signer, owner);
        _approve(owner, spender, value);
    }
}

/// @title A token that answers nothing where the standard wants a bool, and whose allowances must be taken back
/// before they are changed
contract SilentToken is Ledger {
    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        _spend(from, msg.sender, value);
        _move(from, to, value);
    }

    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0, "approve: not from one allowance to another");
        _approve(msg.sender, spender, value);
    }
}

/// @title A token that keeps one percent of each transfer, so that the payee gets less than was sent
contract FeeToken is PlainToken {
    address public constant COLLECTOR = 0x7011a90000000000000000000000000000000FEE;

    function _move(address from, address to, uint256 value) internal override {
        uint256 fee = value / 100;
        super._move(from, to, value - fee);
        if (fee > 0) super._move(from, COLLECTOR, fee);
    }
}
