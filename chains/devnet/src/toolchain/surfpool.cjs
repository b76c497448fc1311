// Runs a Solana node until it is killed, and says where it listens.
// node surfpool.cjs <surfpool module> <its configuration as JSON>
const { Surfnet } = require(process.argv[2]);

const net = Surfnet.startWithConfig(JSON.parse(process.argv[3]));
const host = (url) => new URL(url).host;
console.log(`WebSockets on ${host(net.wsUrl)}`);
console.log(`Listening on ${host(net.rpcUrl)}`);
// Nobody reads its events, which would fill the memory; and the timer keeps the program alive.
setInterval(() => net.drainEvents(), 1000);
