//! The command, and its configuration.
//!
//! | command | does |
//! |---|---|
//! | `tollway demo` | the main job on local chains: prices six networks, pays on the cheapest, three times; with `--token NAME` or `--token all`: payments over Permit2 in tokens that know nothing of x402 |
//! | `tollway quote URL` | asks for the price and shows every way to pay it, ranked; signs nothing |
//! | `tollway pay URL` | pays by the cheapest allowed route; the body goes to stdout, what was paid to stderr |
//! | `tollway pay --settle-up` | asks the chains what became of earlier payments that are still open |
//! | `tollway facilitator` | verifies and settles for others over HTTP until Ctrl-C |
//! | `tollway devnet` | local chains until Ctrl-C; `--write-config` writes a configuration for them |
//! | `tollway doctor` | looks at nodes, tokens, prices, keys, clocks, facilitators and the ledger; says what is wrong and what to do |
//! | `tollway books` | payments out of the ledger: a table, or all of them with `--csv` or `--json` |
//! | `tollway keys` | makes keys in encrypted files, takes keys in, says whose they are |
//! | `tollway plugins` | the schemes and networks of this build |
//!
//! # tollway.toml
//! Read from the folder where the command is called, or from `--config` or `TOLLWAY_CONFIG`. Paths in it count from its
//! own folder. Keys are named by where they are and never written in it. An unknown name in it is an error.
//!
//! ```toml
//! name = "shop-1"            # this process's lasting name; two facilitators over one ledger need two
//! ledger = "tollway.sqlite"  # what was signed and sent: keep it
//! # ledger_env = "LEDGER_URL" # or in PostgreSQL, shared by several machines: a variable with its URL
//! mainnet = false            # true, or `--mainnet`: networks whose coins are worth something may be used
//!
//! [[network]]                # once for each chain
//! id = "eip155:84532"        # the node must serve this chain
//! rpc = "https://sepolia.base.example"   # or several nodes, separated by spaces: one that is well
//!
//! [[network]]
//! id = "eip155:8453"
//! rpc_env = "BASE_RPC"       # a variable with the URL, for URLs that hold a key
//! confirmations = 2          # default 0: in a block is done
//! fee_cap_wei = 50000000000  # the most ever offered per gas, default no bound: what a transaction may cost at the very most
//! bid_times_max = 10         # the most offered for what is stuck, times the first offer; default 100
//!
//! [payer]                    # `quote` and `pay`; `[[payer]]`, once for each, where there are several
//! env = "PAYER_KEY"          # a variable with the key: hex on EVM, base58 on Solana; or several, separated by commas
//!
//! [[settler]]                # `facilitator`; once for each key that sends
//! keystore = "settler.json"  # an encrypted file (EVM), and the variable with its password
//! password_env = "SETTLER_PASSWORD"
//!
//! [[settler]]
//! file = "id.json"           # a plain file, as `solana-keygen` writes it
//!
//! [policy]                   # what `pay` may do; an empty list allows all
//! max_usd = "0.10"           # for one payment, own gas included; `--max` overrides it
//! day_usd = "5"              # within 24 hours
//! networks = ["eip155:84532", "eip155:8453"]
//! hosts = ["api.example.com"]
//! own_transactions = true    # the payer may send a one-time approval of Permit2 itself, and pay its gas (EVM)
//!
//! [[key_policy]]             # what a key may sign, whatever asks it; what is not named is refused
//! keys = ["0x209693Bc6afc0C5328bA36FaF03C514EF312287C"] # without it: every key that no other policy names
//! messages = ["TransferWithAuthorization", "PermitWitnessTransferFrom"] # by EIP-712 primary type; also "Permit", "CancelAuthorization"
//! validity_s_max = 600       # how long a message may stay usable
//! payees = []                # empty: whoever is not denied; spelled as below
//! payees_denied = ["eip155:8453/0x000000000000000000000000000000000000dEaD"]
//! asset = [{ id = "eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", max = "100000", hour = "1000000", day = "5000000" }]
//!
//! [[key_policy]]             # a settler's: one function of one token, and what a transaction may cost
//! calls = ["eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913/e3ee160e"] # "*" for any contract; each function by its selector
//! fee = [{ chain = "eip155:8453", max = "1000000000000000", day = "100000000000000000" }]
//!
//! [facilitator]
//! listen = "127.0.0.1:8402"  # beyond this machine only with keys, or with `open = true`: its gas is yours
//! payees = ["eip155:8453/0x209693Bc6afc0C5328bA36FaF03C514EF312287C"] # empty or absent: all; `assets` is spelled alike
//! assets = ["eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"]
//! amount_usd_min = "0.0001"  # these are the defaults; the word "off" takes a limit away
//! gas_percent_max = 100      # of the amount: no payment's gas costs more than it moves
//! gas_usd_max = "5"          # for one settlement
//! gas_over_plain_percent_max = 400 # of a plain payment's gas: what a payer's own contract may burn
//! day_usd = "100"            # all gas within 24 hours, what failed included
//! day_usd_caller = "50"
//! day_usd_payee = "25"
//! failures_payer = 3         # settlements that failed on chain within an hour: refused until it is over
//! failures_payee = 20        # counts only while at least half of its gas went into failures; so does the next
//! failures_caller = 50
//! at_once_per_payer = 32     # settlements under way: all of them fail when the payer moves its money away
//! at_once_per_caller = 256
//! lease_ms = 10000           # with `ledger_env`: how long a dead facilitator's keys lie idle until another takes them
//!
//! [[facilitator.key]]        # who may use it: `Authorization: Bearer` and this key
//! name = "shop-1"
//! env = "SHOP_1_KEY"
//!
//! [[facilitator.key]]
//! name = "shop-2"
//! file = "shop-2.key"
//!
//! [[remote]]                 # `facilitator`: others, behind one pool with our own keys; the cheapest that is well settles
//! url = "https://facilitator.example/x402"
//! headers_env = { x-api-key = "REMOTE_KEY" } # a variable with each header's value
//! trust_signatures = false   # its word for smart wallets' signatures, where no node of ours can look
//!
//! [screening]                # `facilitator` and `pay`: a sanctions list (`isSanctioned(address)`)
//! chain = "eip155:8453"
//! contract = "0x3A91A31cB3dC49b4db9Ce721F50a9D076c8D739B"
//! silence = "closed"         # or "open": what it means when it does not answer; must be said
//!
//! [metrics]                  # `facilitator`: what Prometheus reads, at /metrics; nowhere without this
//! listen = "127.0.0.1:9402"  # it tells who pays how much: keep it private
//!
//! [prices]                   # USD for a whole unit, where no feed is to be asked
//! "eip155:84532/native" = "2500"
//! "eip155:84532/0x7011a90000000000000000000000000000000004" = { usd = "1", decimals = 18 } # a token in no table
//!
//! [[price_feed]]             # prices over HTTP, beside the feeds on the chains: most sources of a price must agree
//! url = "https://prices.example/ETH-USD/spot"
//! price = "/data/amount"     # where in the JSON answer; `time`: where its Unix time is; `max_age_secs`: default 300
//! assets = ["eip155:84532/native", "eip155:8453/native"]
//! headers_env = { x-api-key = "PRICES_KEY" }
//!
//! [price_agreement]
//! apart_bps_max = 200        # how far sources may be apart, in hundredths of a percent; default 300
//!
//! [schemes.exact]            # a scheme's own settings, by its name
//! max_timeout_s = 600
//! ```
//!
//! # Keys
//! `tollway keys new settler.json --password-env SETTLER_PASSWORD` makes a key for EVM networks in an encrypted file, for
//! this user alone, and prints its address; without the variable it asks for the password at the terminal. `keys import`
//! does the same with a key that exists. The file is in Web3 Secret Storage with the quick key derivation that Foundry
//! writes too (scrypt, N = 8192), so a password has twelve characters at least, and should have more. With `--solana` it is a
//! plain file as `solana-keygen` writes it. No file is ever overwritten, and no secret is an argument.
//!
//! A `[[key_policy]]` stands between a key and everything else in the process, the plugins too: it reads each message and
//! transaction itself, and refuses with `policy_denied`, or `budget_exceeded` where an hour or a day has no room. Amounts are
//! in atomic units of the asset (`native` for coins that transactions move), fees in those of the chain's coin. The sums are
//! in the ledger: they survive restarts, and processes over one ledger share them. What was signed counts, used or not; so
//! does each higher bid for a transaction that is stuck. `tollway keys list` shows each key and what it is held to. An
//! address in a policy that is no configured key's stops every command that uses keys, where it can read all of them.
//!
//! # Books
//! What `tollway books` lists is what the ledger has: a payer's attempts, and what a paywall or a facilitator over that
//! ledger has settled or is settling, whether that is a file or a database (`ledger_env`). `state` is `paid`, `open` (it may be paid yet), `refused` (and still spendable) or
//! `dead`. `gas` is what the settler paid. A cell that a spreadsheet would take for a formula begins with an apostrophe.
//! Settlements of versions before the books had them are not listed.
//!
//! # Monitoring
//! With `[metrics]` a facilitator shows Prometheus its requests, settlements, gas, signers, nodes and ledger, and how the members of
//! its pool are. Sellers and payers of one's own count through the same facade: what, is in [`crate::route::metrics`]; they are seen
//! as soon as the process installs a recorder of the `metrics` crate.
//!
//! # Logs
//! `-v`, or `TOLLWAY_LOG` with a filter of `tracing`'s kind. A payment has the same name, `payment=…`, in the spans of its
//! payer, its seller and its facilitator, and the payer's own `attempt=…` is the id in the books. Libraries that log what they
//! send are kept quiet at every level, as it holds authorizations; **a program of one's own must do that itself**: no
//! `DEBUG` or `TRACE` of `alloy`, `hyper` and `reqwest`. Built with the feature `otel`, the command sends its spans to the
//! collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names.
//!
//! # Stopping
//! At Ctrl-C or SIGTERM a facilitator takes nothing new and waits up to 30 seconds for settlements under way. What is left
//! is in the journal, and the next start under the same `name` finds out what became of it.
//!
//! # Several facilitators
//! Any number of facilitators serve together over one PostgreSQL ledger (`ledger_env`), with the same `[[settler]]` keys and
//! each with a `name` of its own, behind whatever spreads requests among them; at least as many keys as facilitators. Any of them
//! answers for any payment: asked again, one gives the receipt that another stored, or `settlement_pending` while it settles.
//!
//! * **Each key is used by one of them at a time**, which holds its lease for `lease_ms` and renews it four times as often. Two
//!   with eight keys come to hold four each; one that is left takes all. A lease counts by the database's clock, and its holder
//!   stops using it a quarter earlier by its own monotonic clock, so a process that was paused sends nothing when it goes on.
//! * **One that ends gives its keys back**; one that dies loses them when its leases run out, or when it is started again under
//!   its name, whichever is first. The others go on with its nonces, its transactions and its settlements.
//! * **Nothing comes of one that was taken over from**: the database refuses what it writes, and waits for what it has under
//!   way. It ends with exit code 1, for whoever starts it again; a service manager's `Restart=always` is right. So ends one
//!   whose name another has started under.
//! * While the database is away nothing is settled anywhere.
//! * A payment that binds its sender (`upto`) is settled by whoever holds that key, so another may have to say `no_signer` and
//!   be asked later; give such payments a facilitator with keys of its own.
//! * On Solana leases are not needed: a fee payer has no nonce, and a transaction that is sent twice is one. Who finds one that
//!   another is still sending waits for its first answer, then takes it up in the ledger; from then on a node that refuses it
//!   proves nothing, and nobody says that it was refused.
//!
//! # Exit codes
//! | code | means |
//! |---|---|
//! | 0 | done |
//! | 1 | failed, nothing was paid |
//! | 2 | wrong usage or configuration, nothing was paid |
//! | 3 | refused by a limit or policy, nothing was paid |
//! | 4 | paid, and the answer was lost or is an error; the receipt is printed |
//! | 5 | outcome unknown: do not pay again, ask with `tollway pay --settle-up` |
