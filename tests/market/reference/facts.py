"""The tables that all cases share."""


class Facts:
    """Networks, tokens and profiles, by what they are looked up by."""

    def __init__(self, raw):
        self.networks = {row["chain"]: row for row in raw["networks"]}
        self.profiles = {row["chain"]: row for row in raw["profiles"]}
        self.tokens = {f"{row['chain']}/{row['key'].lower()}": row for row in raw["tokens"]}
        self.v1_names = {row["v1_name"]: row["chain"] for row in raw["networks"] if row["v1_name"]}
        self.usdc = {}
        for row in raw["tokens"]:
            if row["symbol"] == "USDC":
                self.usdc.setdefault(row["chain"], row)

    def title(self, chain):
        return self.networks[chain]["title"] if chain in self.networks else chain

    def coin(self, chain):
        return self.networks[chain]["coin"] if chain in self.networks else f"{chain}/native"

    def symbol(self, asset):
        return self.tokens[asset]["symbol"] if asset in self.tokens else None
