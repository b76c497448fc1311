// Compiles the contracts and takes two runtime codes out of an npm archive.
// node build.cjs <solc module> <directory of .sol> <archive.tgz> <output.json>
const fs = require("fs"), path = require("path"), zlib = require("zlib");
const [solcPath, sources, archive, output] = process.argv.slice(2);

function compile() {
  const solc = require(solcPath);
  const files = fs.readdirSync(sources).filter((name) => name.endsWith(".sol"));
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(files.map((name) => [name, { content: fs.readFileSync(path.join(sources, name), "utf8") }])),
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 10000000 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: { "*": { "*": ["abi", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"] } },
    },
  };
  const made = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (made.errors || []).filter((error) => error.severity === "error");
  if (errors.length) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
  const codes = {}, abis = {};
  for (const contracts of Object.values(made.contracts))
    for (const [name, { abi, evm }] of Object.entries(contracts)) {
      const { object, immutableReferences } = evm.deployedBytecode;
      if (Object.keys(immutableReferences || {}).length) throw new Error(`${name} has immutables, which a genesis cannot set`);
      if (object) codes[name] = "0x" + object, abis[name] = abi;
    }
  return { codes, abis };
}

function take(wanted) {
  const tar = zlib.gunzipSync(fs.readFileSync(archive));
  const text = (from, length) => tar.toString("utf8", from, from + length).replace(/\0.*$/s, "");
  const codes = {};
  for (let at = 0; at + 512 <= tar.length && tar[at]; ) {
    const name = path.posix.join(text(at + 345, 155), text(at, 100));
    const size = parseInt(text(at + 124, 12), 8);
    const found = wanted.find((contract) => name.endsWith(`/forge-artifacts/${contract}.sol/${contract}.json`));
    if (found) codes[found] = JSON.parse(tar.toString("utf8", at + 512, at + 512 + size)).deployedBytecode.object;
    at += 512 + Math.ceil(size / 512) * 512;
  }
  for (const contract of wanted) if (!codes[contract]) throw new Error(`${contract} is not in ${archive}`);
  return codes;
}

const { codes, abis } = compile();
Object.assign(codes, take(["GasPriceOracle", "L1Block"]));
fs.writeFileSync(output, JSON.stringify({ codes, abis }));
