use super::SolanaNetwork;
use crate::fees::Market;
use crate::finality::Finality;
use crate::height::Heights;
use crate::profiles::Profile;
use crate::read::Looker;
use crate::rpc::notices::Notices;
use crate::rpc::{Ask, Rpc};
use crate::send::{Engine, FeePayers, Parts, SendSettings, SharedSigner};
use crate::tasks::Tasks;
use crate::warm::{Blockhashes, Holdings, Mints};
use solana_hash::Hash;
use solana_signer::Signer;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{ChainId, Clock, Code, Error, Ledger, Result};
use url::Url;

/// Makes a [`SolanaNetwork`]. Only the ledger, the clock and the way to a node are needed.
#[must_use = "a builder does nothing until `connect`"]
pub struct Builder {
    urls: Vec<String>,
    push: Push,
    chain: Option<ChainId>,
    any_genesis: bool,
    profile: Option<Profile>,
    payer: Option<SharedSigner>,
    fee_payers: Vec<SharedSigner>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    finality: Finality,
    timeout: Duration,
    sending: SendSettings,
}

/// Where ends are pushed.
enum Push {
    /// At each node's own place.
    Beside,
    At(String),
    Nowhere,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // URLs may hold a key, so nothing of them is shown.
        write!(
            f,
            "Builder({:?}, {} nodes, {} fee payers)",
            self.chain,
            self.urls.len(),
            self.fee_payers.len()
        )
    }
}

impl Builder {
    pub(super) fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self {
            urls: Vec::new(),
            push: Push::Beside,
            chain: None,
            any_genesis: false,
            profile: None,
            payer: None,
            fee_payers: Vec::new(),
            ledger,
            clock,
            finality: Finality::default(),
            timeout: Duration::from_secs(10),
            sending: SendSettings::default(),
        }
    }

    /// A node's URL, `http` or `https`. It may hold an API key; it is never shown. May be called again: what one node
    /// cannot answer within a second, the next is asked, up to eight of them; none is believed that is behind what another
    /// has shown.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// Where ends of transactions are pushed, `ws` or `wss`. Unless said otherwise that is the first node's own place, and
    /// the next one's when that breaks, as hosted nodes have it; a validator of one's own pushes one port higher. Where nothing pushes, the nodes are
    /// asked instead.
    pub fn push_url(mut self, url: impl Into<String>) -> Self {
        self.push = Push::At(url.into());
        self
    }

    /// Opens no WebSocket: the nodes are asked for every end.
    pub fn without_pushes(mut self) -> Self {
        self.push = Push::Nowhere;
        self
    }

    /// Which chain the nodes must serve. Every node is asked for its first block before anything of it is believed.
    pub fn chain(mut self, chain: ChainId) -> Self {
        self.chain = Some(chain);
        self
    }

    /// Takes the nodes for [`Builder::chain`] whatever they say is their first block: for local copies of a chain.
    pub fn any_genesis(mut self) -> Self {
        self.any_genesis = true;
        self
    }

    /// The chain's facts, where it is in no table or they differ.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The key that payers sign with.
    pub fn payer(mut self, signer: Arc<dyn Signer + Send + Sync>) -> Self {
        self.payer = Some(signer);
        self
    }

    /// A key that pays fees. May be called again; they take turns, those that have too little left out.
    pub fn fee_payer(mut self, signer: Arc<dyn Signer + Send + Sync>) -> Self {
        self.fee_payers.push(signer);
        self
    }

    /// When a transaction counts as done.
    pub fn finality(mut self, finality: Finality) -> Self {
        self.finality = finality;
        self
    }

    /// How long one call to a node may take. Ten seconds unless said otherwise.
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
    pub async fn connect(self) -> Result<Arc<SolanaNetwork>> {
        let rpc = Rpc::new(&self.urls, self.timeout)?;
        let push = match &self.push {
            Push::Nowhere => Vec::new(),
            Push::Beside => rpc.push_urls(),
            Push::At(url) => vec![pushing(url)?],
        };
        let (chain, profile) = self.identify(&rpc).await?;
        let clock = self.clock;
        let tasks = Arc::new(Tasks::new());
        let heights = Heights::new(clock.clone());
        let looker = Arc::new(Looker::new(rpc.clone(), heights.clone()));
        let mints = Mints::new(looker.clone(), clock.clone());
        let blockhashes = Blockhashes::new(rpc.clone(), clock.clone(), heights.clone(), profile.slot_ms);
        let least = self.sending.fee_payer_min_lamports;
        let fee_payers = FeePayers::new(self.fee_payers, least, looker.clone(), clock.clone())?;
        // Only who sends waits for ends.
        let waits = !fee_payers.is_empty() || self.payer.is_some();
        let notices = (waits && !push.is_empty())
            .then(|| Notices::start(push, self.finality.level(), self.timeout, &tasks));
        let engine = Engine::start(Parts {
            rpc: rpc.clone(),
            notices,
            heights: heights.clone(),
            blockhashes: blockhashes.clone(),
            payers: fee_payers.clone(),
            profile,
            chain,
            ledger: self.ledger,
            clock: clock.clone(),
            finality: self.finality,
            settings: self.sending,
            tasks: tasks.clone(),
        });
        let network = SolanaNetwork {
            chain,
            profile,
            finality: self.finality,
            market: Market::new(rpc.clone(), profile, clock.clone()),
            holdings: Holdings::new(looker.clone(), mints.clone(), chain, clock),
            rpc,
            looker,
            mints,
            blockhashes,
            fee_payers,
            engine,
            tasks,
            payer: self.payer,
        };
        network.begin().await?;
        Ok(Arc::new(network))
    }

    /// Which chain it is, by the hash of its first block, and its facts.
    async fn identify(&self, rpc: &Rpc) -> Result<(ChainId, Profile)> {
        let genesis: String = rpc.call(Ask::genesis()).await?;
        let odd =
            || Error::network(Code::InvalidAnswer).detail("the first block's hash is not 32 bytes in base58");
        Hash::from_str(&genesis).map_err(|_| odd())?;
        let served = ChainId::new(&format!("solana:{}", genesis.get(..32).ok_or_else(odd)?))?;
        let chain = match self.chain {
            Some(wanted) if wanted != served && !self.any_genesis => {
                return Err(Error::caller(Code::WrongChain)
                    .detail(format!("{} serves {served}, not {wanted}", rpc.place())));
            }
            Some(wanted) => wanted,
            None => served,
        };
        if !self.any_genesis {
            rpc.require(&genesis);
        }
        if chain.namespace() != "solana" {
            return Err(Error::caller(Code::BadSettings).detail(format!("{chain} is no chain of this kind")));
        }
        let known = self.profile.or_else(|| Profile::of_chain(&chain).copied());
        let profile = known.ok_or_else(|| {
            Error::caller(Code::BadSettings)
                .detail(format!("{chain} is in no table: give its facts with Builder::profile"))
        })?;
        Ok((chain, profile))
    }
}

fn pushing(url: &str) -> Result<Url> {
    let bad = |why: String| Error::caller(Code::BadSettings).detail(why);
    let url = Url::parse(url).map_err(|e| bad(format!("the URL for pushes: {e}")))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(bad(format!(
            "the URL for pushes begins with {:.16}; ws and wss are known",
            url.scheme()
        )));
    }
    Ok(url)
}
