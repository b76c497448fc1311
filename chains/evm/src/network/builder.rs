use super::EvmNetwork;
use crate::address;
use crate::custody::Key;
use crate::fees::Market;
use crate::finality::Finality;
use crate::gas::GasBook;
use crate::holdings::Holdings;
use crate::look::Looker;
use crate::profiles::Profile;
use crate::rpc::Rpc;
use crate::send::{Engine, Lane, Parts, SendSettings, SenderKey};
use crate::tasks::Tasks;
use alloy::network::TxSigner;
use alloy::primitives::Signature;
use alloy::rpc::client::RpcClient;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::ledger::Leases;
use tollway_core::{ChainId, Clock, Code, Error, Ledger, Result};

/// The longest that one look at fees or prices may take: twice what a payer waits for a quote. Everybody who asks
/// meanwhile shares that look, so an answer that never comes must not be waited for as long as a receipt.
const QUOTE_LIMIT: Duration = Duration::from_secs(3);

/// Makes an [`EvmNetwork`]. Only the ledger, the clock and the way to a node are needed.
#[must_use = "a builder does nothing until `connect`"]
pub struct Builder {
    node: Node,
    chain: Option<u64>,
    profile: Option<Profile>,
    payer: Option<Arc<dyn Key>>,
    senders: Vec<SenderKey>,
    ledger: Arc<dyn Ledger>,
    leases: Option<Arc<dyn Leases>>,
    clock: Arc<dyn Clock>,
    finality: Finality,
    timeout: Duration,
    sending: SendSettings,
}

enum Node {
    Urls(Vec<String>),
    Client(RpcClient),
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a key, so nothing of it is shown.
        write!(f, "Builder({:?}, {} senders)", self.chain, self.senders.len())
    }
}

impl Builder {
    pub(super) fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self {
            node: Node::Urls(Vec::new()),
            chain: None,
            profile: None,
            payer: None,
            senders: Vec::new(),
            ledger,
            leases: None,
            clock,
            finality: Finality::default(),
            timeout: Duration::from_secs(10),
            sending: SendSettings::default(),
        }
    }

    /// The node's URL: `http`, `https`, `ws` or `wss`. It may hold an API key; it is never shown.
    ///
    /// May be called again, for other nodes of the same chain: the first is asked as long as it is well, the others when it
    /// is not. Each must serve the same chain. One that is away at the start is a warning as long as another is there.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        match &mut self.node {
            Node::Urls(urls) => urls.push(url.into()),
            Node::Client(_) => self.node = Node::Urls(vec![url.into()]),
        }
        self
    }

    /// An alloy client instead of a URL, for transports of one's own and for mocks. The caller answers for the
    /// size of what it returns.
    pub fn client(mut self, client: RpcClient) -> Self {
        self.node = Node::Client(client);
        self
    }

    /// The chain that the node must serve. Without it, the node is asked.
    ///
    /// # Errors
    /// [`Code::InvalidNetwork`] when it is no EVM chain.
    pub fn chain(mut self, chain: &ChainId) -> Result<Self> {
        self.chain = Some(address::eip155(chain)?);
        Ok(self)
    }

    /// Facts of a chain that is in no table, or other facts than the table's.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.chain = Some(profile.chain_id);
        self.profile = Some(profile);
        self
    }

    /// The key that payers sign with.
    pub fn payer(mut self, signer: Arc<dyn Key>) -> Self {
        self.payer = Some(signer);
        self
    }

    /// A key that transactions are sent from. May be called again; sends go to the least busy. A key belongs to one
    /// process, or to several that share a ledger and its [`Self::leases`].
    pub fn sender(mut self, signer: Arc<dyn TxSigner<Signature> + Send + Sync>) -> Self {
        self.senders.push(signer);
        self
    }

    /// Shares the senders' keys with other processes over the same ledger: each is used only while its lease is ours.
    /// Without, all of them are this process's alone.
    pub fn leases(mut self, leases: Arc<dyn Leases>) -> Self {
        self.leases = Some(leases);
        self
    }

    /// When a transaction counts as done.
    pub fn finality(mut self, finality: Finality) -> Self {
        self.finality = finality;
        self
    }

    /// How long one call to the node may take. Ten seconds unless said otherwise; looks at fees and price feeds take at
    /// most three.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Settings of sending.
    pub fn sending(mut self, settings: SendSettings) -> Self {
        self.sending = settings;
        self
    }

    /// Connects, checks that the node serves the right chain, and goes on with what an earlier process left
    /// unfinished.
    ///
    /// # Errors
    /// [`Code::Unreachable`], [`Code::WrongChain`], [`Code::BadSettings`], or the ledger's errors.
    pub async fn connect(self) -> Result<Arc<EvmNetwork>> {
        let rpc = match self.node {
            Node::Urls(urls) => Rpc::connect(&urls, self.timeout).await?,
            Node::Client(client) => Rpc::over(client, "the given client", self.timeout),
        };
        let profile = profile(&rpc, self.chain, self.profile).await?;
        let chain = ChainId::new(&format!("eip155:{}", profile.chain_id))?;
        let mut seen = HashSet::new();
        if let Some(twice) = self.senders.iter().find(|key| !seen.insert(key.address())) {
            return Err(Error::caller(Code::BadSettings)
                .detail(format!("{} is there twice as a sender", twice.address())));
        }
        let tasks = Arc::new(Tasks::new());
        // A node that has gone silent holds up quotes only so long; then it is asked again.
        let quick = rpc.within(QUOTE_LIMIT);
        let market = Market::new(quick.clone(), profile, chain, self.clock.clone());
        let prices = Arc::new(Looker::new(quick, profile, self.finality));
        let looker = Arc::new(Looker::new(rpc.clone(), profile, self.finality));
        let holdings = Holdings::new(looker.clone(), chain, self.clock.clone());
        let gas = Arc::new(GasBook::default());
        let engine = Engine::start(Parts {
            rpc: rpc.clone(),
            market: market.clone(),
            profile,
            chain,
            ledger: self.ledger.clone(),
            leases: self.leases,
            clock: self.clock,
            finality: self.finality,
            settings: self.sending,
            lanes: self.senders.into_iter().map(Lane::new).collect(),
            gas: gas.clone(),
            tasks: tasks.clone(),
        });
        let finality = self.finality;
        let network = EvmNetwork {
            chain,
            profile,
            finality,
            rpc,
            market,
            looker,
            prices,
            holdings,
            gas,
            engine,
            tasks,
            payer: self.payer,
        };
        network.begin(self.ledger).await?;
        Ok(Arc::new(network))
    }
}

/// The chain's facts, after the node has said which chain it serves.
async fn profile(rpc: &Rpc, chain: Option<u64>, given: Option<Profile>) -> Result<Profile> {
    let served = rpc.served().await?;
    if let Some(chain) = chain.filter(|chain| *chain != served) {
        return Err(Error::caller(Code::WrongChain)
            .detail(format!("{} serves eip155:{served}, not eip155:{chain}", rpc.place())));
    }
    given.or_else(|| Profile::of(served).copied()).ok_or_else(|| {
        Error::caller(Code::BadSettings)
            .detail(format!("eip155:{served} is in no table: give its facts with Builder::profile"))
    })
}
