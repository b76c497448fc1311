"""Why an entry is not a route: one code, raised where it is found."""

U64 = (1 << 64) - 1
U128 = (1 << 128) - 1


class Refusal(Exception):
    """An entry is turned away; `code` is what the answer says."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def insist(holds, code):
    """Turns the entry away with `code` unless `holds`."""
    if not holds:
        raise Refusal(code)


def within_u128(number, code):
    """`number`, which must fit 128 bits."""
    insist(number <= U128, code)
    return number
