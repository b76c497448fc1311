use crate::rpc::Rpc;
use alloy::primitives::{B256, U64};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollway_core::{Blame, Code};

/// A node of a few methods, over real HTTP.
struct Node {
    url: String,
    chain: u64,
    head: AtomicU64,
    /// Gets requests and never answers.
    mute: AtomicBool,
    /// Gets requests and closes the connection.
    cuts: AtomicBool,
    /// So many questions about its state find a block that it has not.
    moves: AtomicU64,
    asked: Mutex<Vec<String>>,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Node {
    async fn start(chain: u64, head: u64) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Arc::new(Self {
            url: format!("http://{}/secret", listener.local_addr().unwrap()),
            chain,
            head: AtomicU64::new(head),
            mute: AtomicBool::new(false),
            cuts: AtomicBool::new(false),
            moves: AtomicU64::new(0),
            asked: Mutex::default(),
            task: Mutex::default(),
        });
        let serving = node.clone();
        *node.task.lock().unwrap() = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.clone().serve(stream).await;
            }
        }));
        node
    }

    /// Nothing listens there any more.
    fn dies(&self) {
        if let Some(task) = self.task.lock().unwrap().take() {
            task.abort();
        }
    }

    fn asked(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == method).count()
    }

    /// One request per connection.
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let (mut bytes, mut buffer) = (Vec::new(), [0u8; 4096]);
        let body = loop {
            let read = stream.read(&mut buffer).await.unwrap();
            bytes.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
            if let Some(end) = text.find("\r\n\r\n") {
                let length = text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
                if bytes.len() >= end + 4 + length.parse::<usize>().unwrap() {
                    break serde_json::from_slice::<Value>(&bytes[end + 4..]).unwrap();
                }
            }
            if read == 0 {
                return;
            }
        };
        let reply = match &body {
            Value::Array(all) => Value::Array(all.iter().map(|one| self.answer(one)).collect()),
            one => self.answer(one),
        };
        if self.mute.load(Ordering::SeqCst) {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                drop(stream);
            });
        } else if !self.cuts.load(Ordering::SeqCst) {
            let reply = reply.to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", reply.len());
            stream.write_all((head + &reply).as_bytes()).await.unwrap();
        }
    }

    fn answer(&self, request: &Value) -> Value {
        let method = request["method"].as_str().unwrap();
        self.asked.lock().unwrap().push(method.to_owned());
        let moved = |n: u64| (!method.ends_with("Id")).then(|| n.checked_sub(1)).flatten();
        if self.moves.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved).is_ok() {
            let error = json!({ "code": -32000, "message": "header not found" });
            return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        }
        let result = match method {
            "eth_chainId" => json!(format!("{:#x}", self.chain)),
            "eth_blockNumber" => json!(format!("{:#x}", self.head.load(Ordering::SeqCst))),
            "eth_sendRawTransaction" => json!(B256::repeat_byte(1)),
            // Something of the state: this node's own head, so that it shows who answered.
            _ => json!(format!("{:#x}", self.head.load(Ordering::SeqCst))),
        };
        json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })
    }
}

async fn both(first: &Node, second: &Node) -> Rpc {
    let urls = [first.url.clone(), second.url.clone()];
    Rpc::connect(&urls, Duration::from_secs(5)).await.unwrap()
}

async fn state(rpc: &Rpc) -> u64 {
    rpc.call::<_, U64>("eth_gasPrice", ()).await.unwrap().to()
}

#[tokio::test]
async fn reads_go_on_with_the_next_node_and_come_back() {
    let (a, b) = (Node::start(7, 100).await, Node::start(7, 101).await);
    let rpc = both(&a, &b).await;
    assert_eq!(rpc.served().await.unwrap(), 7);
    assert_eq!((state(&rpc).await, b.asked("eth_gasPrice")), (100, 0), "the first, as long as it is well");
    for broken in [&a.cuts, &a.mute] {
        broken.store(true, Ordering::SeqCst);
        assert_eq!(state(&rpc).await, 101);
        let asked = a.asked("eth_gasPrice");
        assert_eq!((state(&rpc).await, a.asked("eth_gasPrice")), (101, asked), "it rests");
        broken.store(false, Ordering::SeqCst);
        for _ in 0..100 {
            if state(&rpc).await == 100 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(state(&rpc).await, 100, "back after a rest");
    }
}

#[tokio::test]
async fn an_answer_from_before_what_was_seen_is_asked_for_elsewhere_or_refused() {
    let (ahead, behind) = (Node::start(7, 50).await, Node::start(7, 40).await);
    let rpc = both(&ahead, &behind).await;
    rpc.served().await.unwrap();
    let head: U64 = rpc.call("eth_blockNumber", ()).await.unwrap();
    assert_eq!(head, U64::from(50));
    ahead.cuts.store(true, Ordering::SeqCst);
    let error = rpc.call::<_, U64>("eth_gasPrice", ()).await.unwrap_err();
    assert_eq!((error.code.clone(), error.blame), (Code::TimedOut, Blame::Network), "{error}");
    let mut batch = rpc.batch();
    let slot = batch.add::<_, U64>("eth_gasPrice", &()).unwrap();
    assert!(batch.send().await.is_err());
    drop(slot);
    // It has caught up: one more question in the same request proves it.
    behind.head.store(50, Ordering::SeqCst);
    assert_eq!(state(&rpc).await, 50);
    let probes = behind.asked("eth_blockNumber");
    assert_eq!((state(&rpc).await, behind.asked("eth_blockNumber")), (50, probes), "it has proven itself");
}

#[tokio::test]
async fn what_nobody_shows_any_more_was_taken_back() {
    let (gone, left) = (Node::start(7, 50).await, Node::start(7, 40).await);
    let rpc = both(&gone, &left).await;
    rpc.served().await.unwrap();
    let _: U64 = rpc.call("eth_blockNumber", ()).await.unwrap();
    gone.dies();
    assert!(rpc.call::<_, U64>("eth_gasPrice", ()).await.is_err());
    tokio::time::sleep(super::FLOOR_GRACE + Duration::from_millis(100)).await;
    assert_eq!(state(&rpc).await, 40);
}

#[tokio::test]
async fn a_transaction_goes_to_one_node_unless_nothing_left_for_it() {
    let (a, b) = (Node::start(7, 1).await, Node::start(7, 1).await);
    let rpc = both(&a, &b).await;
    rpc.served().await.unwrap();
    a.cuts.store(true, Ordering::SeqCst);
    let send = || rpc.ask::<_, B256>("eth_sendRawTransaction", ("0x00",));
    assert!(matches!(send().await, Err(crate::rpc::RpcFault::Lost(_))), "it may have arrived");
    assert_eq!((a.asked("eth_sendRawTransaction"), b.asked("eth_sendRawTransaction")), (1, 0));
    assert_eq!(rpc.each().len(), 2, "both can be asked for its hash");
    a.cuts.store(false, Ordering::SeqCst);
    let (a, b) = (Node::start(7, 1).await, Node::start(7, 1).await);
    let rpc = both(&a, &b).await;
    rpc.served().await.unwrap();
    a.dies();
    tokio::task::yield_now().await;
    assert_eq!(rpc.ask::<_, B256>("eth_sendRawTransaction", ("0x00",)).await.unwrap(), B256::repeat_byte(1));
    assert_eq!(b.asked("eth_sendRawTransaction"), 1);
}

#[tokio::test]
async fn a_dead_node_at_the_start_is_no_end_and_a_wrong_chain_is() {
    let (dead, alive) = (Node::start(7, 1).await, Node::start(7, 2).await);
    dead.dies();
    tokio::task::yield_now().await;
    let rpc = both(&dead, &alive).await;
    assert_eq!(rpc.served().await.unwrap(), 7);
    assert_eq!(state(&rpc).await, 2);
    let other = Node::start(8, 3).await;
    let error = both(&alive, &other).await.served().await.unwrap_err();
    assert_eq!(error.code, Code::WrongChain);
    assert!(error.detail.contains("eip155:8") && !error.detail.contains("secret"), "{error}");
    alive.dies();
    tokio::task::yield_now().await;
    let error = both(&dead, &alive).await.served().await.unwrap_err();
    assert_eq!((error.code, error.blame), (Code::Unreachable, Blame::Network));
}

#[tokio::test]
async fn a_node_that_comes_later_with_another_chain_is_never_believed() {
    let (first, late) = (Node::start(7, 1).await, Node::start(8, 9).await);
    late.cuts.store(true, Ordering::SeqCst);
    let rpc = both(&first, &late).await;
    assert_eq!(rpc.served().await.unwrap(), 7);
    late.cuts.store(false, Ordering::SeqCst);
    first.dies();
    tokio::task::yield_now().await;
    for _ in 0..5 {
        assert!(rpc.call::<_, U64>("eth_gasPrice", ()).await.is_err());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(late.asked("eth_gasPrice"), 0);
}

#[tokio::test]
async fn a_read_that_its_node_moved_away_from_is_asked_again_and_a_transaction_never() {
    let node = Node::start(7, 5).await;
    let rpc = Rpc::connect(std::slice::from_ref(&node.url), Duration::from_secs(5)).await.unwrap();
    node.moves.store(2, Ordering::SeqCst);
    assert_eq!((state(&rpc).await, node.asked("eth_gasPrice")), (5, 3));
    node.moves.store(u64::MAX, Ordering::SeqCst);
    let error = rpc.call::<_, U64>("eth_gasPrice", ()).await.unwrap_err();
    assert_eq!((error.code, error.blame, node.asked("eth_gasPrice")), (Code::RpcRefused, Blame::Network, 7));
    assert!(rpc.ask::<_, B256>("eth_sendRawTransaction", ("0x00",)).await.is_err());
    assert_eq!(node.asked("eth_sendRawTransaction"), 1);
}
