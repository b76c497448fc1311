"""SPEC 7: integers of 10^-18 dollars."""

from refusal import insist, within_u128

DIGITS = 18
MOST_DECIMALS = 56
BAD = "invalid_amount"


def worth(atomic, price):
    """Dollars of so many atomic units, rounded up."""
    decimals = price.answer_decimals + price.asset_decimals
    insist(decimals <= MOST_DECIMALS, BAD)
    return within_u128(-(-atomic * price.answer * 10**DIGITS // 10**decimals), BAD)


def total(amounts):
    """A sum that must fit."""
    return within_u128(sum(amounts), BAD)


def text(amount):
    """A decimal string with 2 to 18 fraction digits."""
    whole, fraction = divmod(amount, 10**DIGITS)
    return f"{whole}.{f'{fraction:018}'.rstrip('0').ljust(2, '0')}"
