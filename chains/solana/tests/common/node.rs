//! A scripted node: a small chain behind JSON-RPC that does as it is told.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tollway_solana::{Pubkey, Signature};

pub const GENESIS: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";

/// What happens to the next transaction that is sent.
#[derive(Debug, Clone)]
pub enum OnSend {
    /// In a confirmed block at once.
    Land,
    /// In a confirmed block, and failed there.
    Fail(Value),
    /// Run, but not confirmed.
    Process,
    /// Taken, and never seen again.
    Swallow,
    /// Refused.
    Refuse(Value),
    /// Refused, once [`Node::let_go`] is called.
    RefuseHeld(Value),
    /// Landed, but the answer is lost.
    LandAndLose,
    /// Not taken, and the answer is lost.
    Lose,
    /// Neither taken nor answered.
    Hang,
}

/// Where a transaction stands.
#[derive(Debug, Clone)]
pub struct Known {
    pub slot: u64,
    pub level: &'static str,
    pub err: Value,
    /// Only a search of the history finds it.
    pub old: bool,
}

/// The chain.
pub struct World {
    pub genesis: String,
    pub slot: u64,
    pub height: u64,
    /// Statuses are answered as of so many slots ago.
    pub behind: u64,
    pub first_block: u64,
    /// Height and time, in seconds, of every block.
    pub block: (u64, u64),
    pub known: HashMap<String, Known>,
    pub on_send: VecDeque<OnSend>,
    /// What happens to all others.
    pub otherwise: OnSend,
    /// Signatures that arrived, in order.
    pub arrived: Vec<String>,
    pub accounts: HashMap<String, Value>,
    pub unit_prices: Vec<Value>,
    pub history: Vec<Value>,
    pub records: HashMap<String, Value>,
    pub trial: Value,
    /// Every question is answered with this HTTP status.
    pub status: Option<u16>,
    pub requests: u32,
    pub counts: HashMap<String, u32>,
    /// Connections for pushes so far; a change of `hang_up` ends those that stand.
    pub lines: u32,
    pub hang_up: u32,
    /// Nothing is pushed.
    pub mute: bool,
    /// Answers that are held may go.
    pub let_go: bool,
}

#[derive(Clone)]
pub struct Node {
    world: Arc<Mutex<World>>,
    port: u16,
}

impl Node {
    pub async fn start() -> Self {
        let world = World {
            genesis: GENESIS.to_owned(),
            slot: 1_100,
            height: 1_000,
            behind: 0,
            first_block: 0,
            block: (0, 0),
            known: HashMap::new(),
            on_send: VecDeque::new(),
            otherwise: OnSend::Land,
            arrived: Vec::new(),
            accounts: HashMap::new(),
            unit_prices: Vec::new(),
            history: Vec::new(),
            records: HashMap::new(),
            trial: json!({"err": null, "unitsConsumed": 450, "accounts": null, "logs": []}),
            status: None,
            requests: 0,
            counts: HashMap::new(),
            lines: 0,
            hang_up: 0,
            mute: false,
            let_go: false,
        };
        let world = Arc::new(Mutex::new(world));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().route("/", post(answer).get(line)).with_state(world.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let node = Self { world, port };
        for n in 1..=4u8 {
            node.lamports(&super::key(n).address(), 1_000_000_000);
        }
        node
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
    pub fn then(&self, what: OnSend) -> &Self {
        self.world().on_send.push_back(what);
        self
    }
    pub fn otherwise(&self, what: OnSend) -> &Self {
        self.world().otherwise = what;
        self
    }
    /// Blocks and slots go by.
    pub fn pass(&self, blocks: u64) {
        let mut world = self.world();
        world.height += blocks;
        world.slot += blocks;
    }
    pub fn count(&self, method: &str) -> u32 {
        self.world().counts.get(method).copied().unwrap_or(0)
    }
    pub fn requests(&self) -> u32 {
        self.world().requests
    }
    pub fn reset(&self) {
        let mut world = self.world();
        world.requests = 0;
        world.counts.clear();
    }
    /// Answers what was held.
    pub fn let_go(&self) {
        self.world().let_go = true;
    }
    /// Different transactions that ever arrived.
    pub fn different(&self) -> usize {
        self.world().arrived.iter().collect::<std::collections::HashSet<_>>().len()
    }
    pub fn lamports(&self, key: &Pubkey, lamports: u64) {
        self.put(key, &Pubkey::default(), lamports, &[]);
    }
    pub fn put(&self, key: &Pubkey, owner: &Pubkey, lamports: u64, data: &[u8]) {
        let account = json!({
            "lamports": lamports, "owner": owner.to_string(), "executable": false, "rentEpoch": u64::MAX,
            "space": data.len(), "data": [base64(data), "base64"],
        });
        self.world().accounts.insert(key.to_string(), account);
    }
}

pub fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

async fn answer(State(world): State<Arc<Mutex<World>>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let status = {
        let mut world = world.lock().unwrap();
        world.requests += 1;
        world.status
    };
    if let Some(status) = status {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    let one = |ask: &Value| reply(&mut world.lock().unwrap(), ask);
    let answered = match &asked {
        Value::Array(asks) => asks.iter().map(one).collect::<Result<Vec<_>, _>>().map(Value::from),
        ask => one(ask),
    };
    match answered {
        Ok(value) => axum::Json(value).into_response(),
        Err(Broken::Lost) => StatusCode::BAD_GATEWAY.into_response(),
        Err(Broken::Silent) => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            StatusCode::OK.into_response()
        }
        Err(Broken::Held(value)) => {
            while !world.lock().unwrap().let_go {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            axum::Json(value).into_response()
        }
    }
}

enum Broken {
    Lost,
    Silent,
    Held(Value),
}

fn reply(world: &mut World, ask: &Value) -> Result<Value, Broken> {
    let method = ask["method"].as_str().unwrap().to_owned();
    *world.counts.entry(method.clone()).or_default() += 1;
    let params = &ask["params"];
    let least = params.as_array().and_then(|params| params.last()?["minContextSlot"].as_u64());
    if least.is_some_and(|least| world.slot < least) {
        let data = json!({"contextSlot": world.slot});
        let error =
            json!({"code": -32016, "message": "Minimum context slot has not been reached", "data": data});
        return Ok(json!({"jsonrpc": "2.0", "id": ask["id"], "error": error}));
    }
    let in_slot = |slot: u64, value: Value| json!({"context": {"slot": slot}, "value": value});
    let result = match method.as_str() {
        "getGenesisHash" => json!(world.genesis),
        "getBlockHeight" => json!(world.height),
        "getEpochInfo" => json!({"absoluteSlot": world.slot, "blockHeight": world.height, "epoch": 3}),
        "getFirstAvailableBlock" => json!(world.first_block),
        "getBlock" => json!({"blockHeight": world.block.0, "blockTime": world.block.1}),
        "getLatestBlockhash" => {
            let hash = Pubkey::from([u8::try_from(world.height % 251).unwrap(); 32]).to_string();
            in_slot(world.slot, json!({"blockhash": hash, "lastValidBlockHeight": world.height + 150}))
        }
        "getMultipleAccounts" => {
            let keys = params[0].as_array().unwrap().iter();
            let value = keys.map(|key| account(world, key.as_str().unwrap())).collect();
            in_slot(world.slot, Value::Array(value))
        }
        "getSignatureStatuses" => {
            let search = params[1]["searchTransactionHistory"] == true;
            let keys = params[0].as_array().unwrap().iter();
            let value = keys.map(|key| status(world, key.as_str().unwrap(), search)).collect();
            in_slot(world.slot - world.behind, Value::Array(value))
        }
        "getRecentPrioritizationFees" => Value::Array(world.unit_prices.clone()),
        "getMinimumBalanceForRentExemption" => json!((params[0].as_u64().unwrap() + 128) * 6_960),
        "simulateTransaction" => in_slot(world.slot, world.trial.clone()),
        "getSignaturesForAddress" => history(world, &params[1]),
        "getTransaction" => world.records.get(params[0].as_str().unwrap()).cloned().unwrap_or(Value::Null),
        "sendTransaction" => return sent(world, ask),
        other => panic!("{other} is not scripted"),
    };
    Ok(json!({"jsonrpc": "2.0", "id": ask["id"], "result": result}))
}

fn account(world: &World, key: &str) -> Value {
    if key != "SysvarC1ock11111111111111111111111111111111" {
        return world.accounts.get(key).cloned().unwrap_or(Value::Null);
    }
    let words = [world.slot, 0, 7, 8, 1_800_000_000].map(u64::to_le_bytes).concat();
    let data = base64(&words);
    let owner = "Sysvar1111111111111111111111111111111111111";
    json!({"lamports": 1, "owner": owner, "executable": false, "data": [data, "base64"]})
}

fn status(world: &World, key: &str, search: bool) -> Value {
    match world.known.get(key) {
        Some(known) if search || !known.old => json!({
            "slot": known.slot, "confirmations": 3, "err": known.err, "confirmationStatus": known.level,
        }),
        _ => Value::Null,
    }
}

fn history(world: &World, config: &Value) -> Value {
    let limit = usize::try_from(config["limit"].as_u64().unwrap()).unwrap();
    let skip = match config["before"].as_str() {
        Some(before) => world.history.iter().position(|line| line["signature"] == before).unwrap() + 1,
        None => 0,
    };
    Value::Array(world.history.iter().skip(skip).take(limit).cloned().collect())
}

fn sent(world: &mut World, ask: &Value) -> Result<Value, Broken> {
    let wire = base64_simd::STANDARD.decode_to_vec(ask["params"][0].as_str().unwrap()).unwrap();
    let first: [u8; 64] = wire[1..65].try_into().unwrap();
    let name = Signature::from(first).to_string();
    let what = world.on_send.pop_front().unwrap_or(world.otherwise.clone());
    let known = |level, err| Known { slot: world.slot, level, err, old: false };
    let lands = match &what {
        OnSend::Land | OnSend::LandAndLose => Some(known("confirmed", Value::Null)),
        OnSend::Fail(err) => Some(known("confirmed", err.clone())),
        OnSend::Process => Some(known("processed", Value::Null)),
        _ => None,
    };
    if !matches!(what, OnSend::Hang | OnSend::Lose | OnSend::RefuseHeld(_)) {
        world.arrived.push(name.clone());
    }
    if let Some(known) = lands {
        if world.known.contains_key(&name) {
            let data = json!({"err": "AlreadyProcessed"});
            let error = json!({"code": -32002, "message": "Transaction simulation failed", "data": data});
            return Ok(json!({"jsonrpc": "2.0", "id": ask["id"], "error": error}));
        }
        world.known.insert(name.clone(), known);
    }
    match what {
        OnSend::Refuse(error) => Ok(json!({"jsonrpc": "2.0", "id": ask["id"], "error": error})),
        OnSend::RefuseHeld(error) => {
            Err(Broken::Held(json!({"jsonrpc": "2.0", "id": ask["id"], "error": error})))
        }
        OnSend::LandAndLose | OnSend::Lose => Err(Broken::Lost),
        OnSend::Hang => Err(Broken::Silent),
        _ => Ok(json!({"jsonrpc": "2.0", "id": ask["id"], "result": name})),
    }
}

async fn line(State(world): State<Arc<Mutex<World>>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| talk(socket, world))
}

/// Answers subscriptions, and pushes every end that is asked for.
async fn talk(mut socket: WebSocket, world: Arc<Mutex<World>>) {
    let hang_up = {
        let mut world = world.lock().unwrap();
        world.lines += 1;
        world.hang_up
    };
    let mut waited: HashMap<u64, String> = HashMap::new();
    loop {
        if let Ok(come) = tokio::time::timeout(Duration::from_millis(3), socket.recv()).await {
            let Some(Ok(come)) = come else { return };
            let Message::Text(text) = come else { continue };
            let ask: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(ask["method"], "signatureSubscribe");
            let id = ask["id"].as_u64().unwrap();
            waited.insert(id + 100, ask["params"][0].as_str().unwrap().to_owned());
            let answer = json!({"jsonrpc": "2.0", "result": id + 100, "id": id}).to_string();
            let _ = socket.send(Message::Text(answer.into())).await;
        }
        let ends: Vec<(u64, Value)> = {
            let world = world.lock().unwrap();
            if world.hang_up != hang_up {
                return;
            }
            let known = waited.iter().filter_map(|(id, name)| Some((*id, world.known.get(name)?)));
            let known = known.filter(|(_, known)| !world.mute && known.level == "confirmed");
            known
                .map(|(id, known)| {
                    (id, json!({"context": {"slot": known.slot}, "value": {"err": known.err}}))
                })
                .collect()
        };
        for (id, end) in ends {
            waited.remove(&id);
            let params = json!({"subscription": id, "result": end});
            let push = json!({"jsonrpc": "2.0", "method": "signatureNotification", "params": params});
            let _ = socket.send(Message::Text(push.to_string().into())).await;
        }
    }
}
