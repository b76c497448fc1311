//! Sending against a scripted node: keys, refusals, restarts, lost answers, expiry.

mod common;

use common::*;
use serde_json::json;
use std::time::Duration;
use tollway_core::{Code, Network, Next, Outcome, RecordKey, Time};
use tollway_solana::{Fault, Finality, Pubkey, Sent, Signer, SolanaNetwork, Submit, Svm};

#[tokio::test]
async fn a_send_is_two_requests_and_tells_what_it_cost() {
    let node = Node::start().await;
    let net = network(&node, ledger()).await;
    node.reset();
    let landed = net.send(payment(1), &RecordKey::from("a")).await.unwrap();
    assert_eq!((landed.fault, landed.fee_lamports, landed.slot), (None, 10_000, 1_100));
    assert_eq!(node.requests(), 2, "send and status: {:?}", node.world().counts);
    assert_eq!(
        net.outcome(&landed.tx).await.unwrap(),
        Outcome::Included { confirmations: 3, finalized: true }
    );
    let signed = tollway_solana::address::signature(&landed.tx).unwrap();
    let message = payment(1).wire[129..].to_vec();
    tollway_solana::signature::verify_strict(&key(1).address(), &message, &signed).unwrap();
}

#[tokio::test]
async fn one_key_is_one_transaction_however_often_and_from_wherever_it_is_sent() {
    let (node, ledger) = (Node::start().await, ledger());
    let net = network(&node, ledger.clone()).await;
    let key = RecordKey::from("exact/x");
    assert_eq!(net.sent(&key).await.unwrap(), Sent::Never);
    // Even with another transaction under the same key, the first one is the one.
    let sends: Vec<_> = (1..=16).map(|n| sending(&net, payment(n), "exact/x")).collect();
    let mut txs = Vec::new();
    for send in sends {
        txs.push(send.await.unwrap().unwrap().tx);
    }
    assert!(txs.iter().all(|tx| *tx == txs[0]));
    assert_eq!(net.send(payment(20), &key).await.unwrap().tx, txs[0]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(net);
    let again = network(&node, ledger).await;
    let mut late = payment(21);
    late.not_after = Time::ZERO; // a refusal would be a lie: it was sent long ago
    let landed = again.send(late, &key).await.unwrap();
    assert_eq!(again.sent(&key).await.unwrap(), Sent::Landed(Box::new(landed)));
    assert_eq!(node.different(), 1);
}

#[tokio::test]
async fn two_processes_with_one_ledger_send_one_transaction_per_key() {
    let (node, ledger) = (Node::start().await, ledger());
    let (a, b) = (network(&node, ledger.clone()).await, network(&node, ledger).await);
    for n in 0..10u8 {
        let key = RecordKey(n.to_string());
        let (one, other) = (payment(2 * n + 1), payment(2 * n + 2));
        let (first, second) = tokio::join!(a.send(one, &key), b.send(other, &key));
        assert_eq!(first.unwrap().tx, second.unwrap().tx);
    }
    assert_eq!(node.different(), 10);
}

#[tokio::test]
async fn whatever_answers_come_a_key_never_has_two_transactions_and_always_has_an_end() {
    let (node, ledger) = (Node::start().await, ledger());
    let kinds = [OnSend::Land, OnSend::LandAndLose, OnSend::Lose, OnSend::Swallow, OnSend::Process];
    let mut state = 7usize;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut txs = std::collections::HashMap::new();
    for round in 0..6u8 {
        let net = network(&node, ledger.clone()).await;
        for _ in 0..12 {
            node.then(kinds[random(kinds.len())].clone());
        }
        let sends: Vec<_> =
            (0..8u8).map(|n| sending(&net, payment(8 * round + n), &format!("{round}/{n}"))).collect();
        tokio::time::sleep(Duration::from_millis(u64::try_from(random(60)).unwrap())).await;
        sends.iter().for_each(tokio::task::JoinHandle::abort);
        for n in 0..8u8 {
            let key = format!("{round}/{n}");
            match net.sent(&RecordKey(key.clone())).await.unwrap() {
                Sent::Pending(tx) => drop(txs.insert(key, tx)),
                Sent::Landed(landed) => drop(txs.insert(key, landed.tx)),
                Sent::Never | Sent::Expired(_) => {}
            }
        }
    }
    node.world().on_send.clear();
    let net = network(&node, ledger).await;
    let confirm = || node.world().known.values_mut().for_each(|known| known.level = "confirmed");
    for (key, tx) in &txs {
        confirm();
        let landed = net.send(payment(200), &RecordKey(key.clone())).await.unwrap();
        assert_eq!(&landed.tx, tx, "{key}");
    }
    assert!(txs.len() > 30, "{} of 48 were under way", txs.len());
    let known: std::collections::HashSet<_> = txs.values().map(|tx| tx.0.clone()).collect();
    let strangers = node.world().arrived.iter().filter(|name| !known.contains(*name)).count();
    assert_eq!((known.len(), strangers), (txs.len(), 0), "nothing else ever went out");
}

#[tokio::test]
async fn the_same_transaction_never_goes_out_under_two_keys() {
    let node = Node::start().await;
    node.otherwise(OnSend::Swallow);
    let net = network(&node, ledger()).await;
    let first = sending(&net, payment(1), "a");
    until(|| node.count("sendTransaction") > 0).await;
    let error = net.send(payment(1), &RecordKey::from("b")).await.unwrap_err();
    assert_eq!((error.code.clone(), error.next.clone()), (Code::Conflict, Next::Never), "{error}");
    first.abort();
}

#[tokio::test]
async fn a_crash_before_sending_is_mended_by_the_next_process_with_the_very_same_bytes() {
    let (node, ledger) = (Node::start().await, ledger());
    node.then(OnSend::Hang);
    let net = network(&node, ledger.clone()).await;
    let send = sending(&net, payment(1), "a");
    until(|| node.count("sendTransaction") == 1).await;
    assert_eq!(node.different(), 0, "journaled, and arrived nowhere");
    send.abort();
    drop(net);
    let next = network(&node, ledger).await;
    let key = RecordKey::from("a");
    until(|| node.different() == 1).await;
    let landed = next.send(payment(9), &key).await.unwrap();
    assert_eq!(landed.tx.0, node.world().arrived[0]);
    assert_eq!(next.sent(&key).await.unwrap(), Sent::Landed(Box::new(landed)));
    assert_eq!(node.different(), 1);
}

#[tokio::test]
async fn a_restart_between_sending_and_confirmation_finds_what_was_sent() {
    let (node, ledger) = (Node::start().await, ledger());
    node.then(OnSend::Process);
    let net = network(&node, ledger.clone()).await;
    let send = sending(&net, payment(1), "a");
    until(|| node.count("getSignatureStatuses") > 0).await;
    send.abort();
    drop(net);
    let next = network(&node, ledger).await;
    let key = RecordKey::from("a");
    let Sent::Pending(tx) = next.sent(&key).await.unwrap() else { panic!("not confirmed yet") };
    node.world().known.get_mut(&tx.0).unwrap().level = "confirmed";
    assert_eq!(next.send(payment(9), &key).await.unwrap().tx, tx);
    assert_eq!(node.different(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_no_second_payment() {
    let node = Node::start().await;
    node.then(OnSend::LandAndLose);
    let net = network(&node, ledger()).await;
    let landed = net.send(payment(1), &RecordKey::from("a")).await.unwrap();
    assert_eq!(landed.fault, None);
    // One that did not arrive is sent again; a node that takes it twice says so, and that is no failure.
    node.then(OnSend::Lose).then(OnSend::Swallow).then(OnSend::Process).then(OnSend::Land);
    let send = sending(&net, payment(2), "b");
    until(|| node.different() == 2 && node.world().known.len() == 2).await;
    node.world().known.values_mut().for_each(|known| known.level = "confirmed");
    assert_eq!(send.await.unwrap().unwrap().fault, None);
    assert_eq!(node.different(), 2);
}

#[tokio::test]
async fn what_failed_in_a_block_is_done_and_says_why() {
    let node = Node::start().await;
    node.then(OnSend::Fail(json!({"InstructionError": [2, {"Custom": 1}]})));
    let net = network(&node, ledger()).await;
    let landed = net.send(payment(1), &RecordKey::from("a")).await.unwrap();
    assert_eq!(landed.fault, Some(Fault::Instruction { index: 2, custom: Some(1), what: "Custom".into() }));
    assert_eq!(net.outcome(&landed.tx).await.unwrap(), Outcome::Failed);
}

#[tokio::test]
async fn a_refusal_is_definite_and_leaves_nothing_behind() {
    let node = Node::start().await;
    let refusal =
        |err| json!({"code": -32002, "message": "Transaction simulation failed", "data": {"err": err}});
    node.then(OnSend::Refuse(refusal(json!({"InstructionError": [2, {"Custom": 1}]}))));
    node.then(OnSend::Refuse(refusal(json!("InsufficientFundsForFee"))));
    let net = network(&node, ledger()).await;
    let key = RecordKey::from("a");
    let error = net.send(payment(1), &key).await.unwrap_err();
    assert_eq!((error.code.clone(), error.next.clone()), (Code::SimulationFailed, Next::Never), "{error}");
    assert_eq!(net.sent(&key).await.unwrap(), Sent::Never);
    let error = net.send(payment(1), &key).await.unwrap_err();
    assert_eq!((error.code, error.next), (Code::UnexpectedSettleError, Next::Later));
    assert!(net.send(payment(1), &key).await.is_ok(), "nothing was sent, so it may be sent now");
    let mut late = payment(2);
    late.not_after = Time::from_secs(1);
    assert_eq!(net.send(late, &RecordKey::from("b")).await.unwrap_err().code, Code::Expired);
    assert_eq!(net.sent(&RecordKey::from("b")).await.unwrap(), Sent::Never);
}

#[tokio::test]
async fn only_a_whole_transaction_of_our_own_fee_payer_is_signed() {
    let node = Node::start().await;
    let net = network(&node, ledger()).await;
    let send = |submit: Submit, key: &'static str| {
        let net = net.clone();
        async move { net.send(submit, &RecordKey::from(key)).await.unwrap_err().code }
    };
    let (ours, theirs) = (key(1).address(), key(2).address());
    assert_eq!(send(wire(&[theirs, ours], [1; 32]), "another's").await, Code::NoSigner);
    let second = Submit { fee_payer: Some(ours), ..wire(&[theirs, ours], [1; 32]) };
    assert_eq!(send(second, "not the first").await, Code::InvalidPayload);
    let mut missing = payment(1);
    missing.wire[65..129].fill(0);
    assert_eq!(send(missing, "unsigned").await, Code::InvalidPayload);
    let unsigned = Submit { fee_payer: None, ..payment(1) };
    assert_eq!(send(unsigned, "nobody").await, Code::InvalidPayload);
    let mut torn = payment(1);
    torn.wire.truncate(150);
    assert_eq!(send(torn, "torn").await, Code::InvalidPayload);
    let mut large = payment(1);
    large.wire.resize(1_233, 0);
    assert_eq!(send(large, "large").await, Code::TooLarge);
    // On a durable nonce it could land at any time, and nobody could ever say that it will not.
    let mut message = vec![0x80, 2, 0, 1, 3];
    [ours, theirs, Pubkey::default()].iter().for_each(|key| message.extend(key.as_ref()));
    message.extend([1; 32]);
    message.extend([1, 2, 0, 4, 4, 0, 0, 0, 0]);
    let bytes = [&[2u8][..], &[0; 64], key(2).sign_message(&message).as_ref(), &message].concat();
    let durable = Submit { wire: bytes, ..payment(1) };
    assert_eq!(send(durable, "for ever").await, Code::InvalidPayload);
    assert_eq!(node.different(), 0);
    // One that is signed already goes out as it is.
    let mut own = payment(3);
    let signature = key(1).sign_message(&own.wire[129..]);
    own.wire[1..65].copy_from_slice(signature.as_ref());
    own.fee_payer = None;
    assert_eq!(net.send(own, &RecordKey::from("own")).await.unwrap().tx.0, signature.to_string());
}

#[tokio::test]
async fn past_its_last_height_and_known_to_nobody_it_is_not_settled_for_certain() {
    let (node, ledger) = (Node::start().await, ledger());
    node.otherwise(OnSend::Swallow);
    let net = network(&node, ledger.clone()).await;
    // On a blockhash of the network's own, whose end it knows exactly.
    let hash = net.blockhash().await.unwrap();
    assert_eq!(hash.last_valid_height, 1_150);
    let submit = wire(&[key(1).address(), key(2).address()], hash.hash.to_bytes());
    let send = sending(&net, submit, "a");
    until(|| node.count("sendTransaction") >= 2).await;
    node.pass(150); // height 1,150: it could still be in the next block
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!send.is_finished());
    node.pass(1);
    let error = send.await.unwrap().unwrap_err();
    assert_eq!((error.code.clone(), error.next.clone()), (Code::Expired, Next::Never), "{error}");
    let tx = error.transaction.unwrap();
    let key = RecordKey::from("a");
    assert_eq!(net.sent(&key).await.unwrap(), Sent::Expired(tx.clone()));
    // For good: neither again nor by another process.
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(net);
    node.otherwise(OnSend::Land);
    let next = network(&node, ledger).await;
    assert_eq!(next.sent(&key).await.unwrap(), Sent::Expired(tx));
    assert_eq!(next.send(payment(9), &key).await.unwrap_err().code, Code::Expired);
    assert_eq!(node.different(), 1);
}

#[tokio::test]
async fn a_strangers_blockhash_is_given_all_the_time_that_any_could_have() {
    let node = Node::start().await;
    node.otherwise(OnSend::Swallow);
    let net = network(&node, ledger()).await;
    let send = sending(&net, payment(1), "a");
    until(|| node.count("sendTransaction") >= 1).await;
    node.pass(214); // 150 blocks of life for the newest hash, on a fork 64 ahead
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!send.is_finished());
    node.pass(100);
    assert_eq!(send.await.unwrap().unwrap_err().code, Code::Expired);
}

#[tokio::test]
async fn a_node_that_is_behind_or_forgets_cannot_say_that_something_is_over() {
    let node = Node::start().await;
    node.otherwise(OnSend::Swallow);
    let net = network(&node, ledger()).await;
    let send = sending(&net, payment(1), "a");
    until(|| node.count("sendTransaction") >= 1).await;
    {
        let mut world = node.world();
        (world.behind, world.first_block) = (10, 5_000);
        (world.height, world.slot) = (2_000, 2_100);
    }
    until(|| node.count("getFirstAvailableBlock") >= 3).await;
    assert!(!send.is_finished(), "the one that searched is behind the one that told the height");
    node.world().behind = 0;
    let asked = node.count("getFirstAvailableBlock");
    until(|| node.count("getFirstAvailableBlock") > asked).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!send.is_finished(), "its history begins after the transaction was sent");
    send.abort();
}

#[tokio::test]
async fn what_only_the_history_knows_has_landed() {
    let (node, ledger) = (Node::start().await, ledger());
    node.otherwise(OnSend::Swallow);
    let net = network(&node, ledger.clone()).await;
    let send = sending(&net, payment(1), "a");
    until(|| node.different() == 1).await;
    send.abort();
    drop(net);
    {
        let mut world = node.world();
        let name = world.arrived[0].clone();
        let known = node::Known { slot: 1_160, level: "finalized", err: json!(null), old: true };
        world.known.insert(name, known);
        (world.height, world.slot) = (90_000, 100_000);
    }
    let next = network(&node, ledger).await;
    let landed = next.send(payment(2), &RecordKey::from("a")).await.unwrap();
    assert_eq!((landed.slot, landed.fault), (1_160, None));
}

#[tokio::test]
async fn what_was_to_go_out_earlier_is_waited_for_and_never_sent_again() {
    let (node, ledger) = (Node::start().await, ledger());
    node.then(OnSend::Hang);
    let net = network(&node, ledger.clone()).await;
    let mut submit = payment(1);
    submit.not_after = clock().now().plus_ms(150);
    let send = sending(&net, submit, "a");
    until(|| node.count("sendTransaction") == 1).await;
    send.abort();
    drop(net);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let next = network(&node, ledger).await;
    let key = RecordKey::from("a");
    assert!(matches!(next.sent(&key).await.unwrap(), Sent::Pending(_)));
    node.pass(400);
    assert_eq!(next.send(payment(2), &key).await.unwrap_err().code, Code::Expired);
    assert_eq!((node.different(), node.count("sendTransaction")), (0, 1));
}

#[tokio::test]
async fn finality_is_waited_for_and_a_dropped_fork_is_survived() {
    let node = Node::start().await;
    node.then(OnSend::Process);
    let net =
        builder(&node, ledger()).finality(Finality::Finalized).fee_payer(key(1)).connect().await.unwrap();
    let send = sending(&net, payment(1), "a");
    until(|| node.count("getSignatureStatuses") >= 2).await;
    assert_eq!(node.count("sendTransaction"), 1, "what is in a block is not sent again");
    node.world().known.clear();
    node.otherwise(OnSend::Land);
    until(|| node.world().known.len() == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!send.is_finished(), "confirmed is not finalized");
    node.world().known.values_mut().for_each(|known| known.level = "finalized");
    assert_eq!(send.await.unwrap().unwrap().fault, None);
    assert_eq!(node.different(), 1);
}

#[tokio::test]
async fn who_waits_longer_than_the_patience_is_told_which_transaction_it_is() {
    let node = Node::start().await;
    node.otherwise(OnSend::Swallow);
    let mut settings = settings();
    settings.patience_ms = 50;
    let net = builder(&node, ledger()).sending(settings).fee_payer(key(1)).connect().await.unwrap();
    let error = net.send(payment(1), &RecordKey::from("a")).await.unwrap_err();
    assert_eq!(error.code, Code::SettlementPending);
    let Next::Unknown(Some(tx)) = error.next else { panic!("{error}") };
    assert_eq!(tx.0, node.world().arrived[0]);
}

#[tokio::test]
async fn fee_payers_take_turns_and_a_poor_one_takes_none() {
    let node = Node::start().await;
    node.lamports(&key(2).address(), 9_999_999);
    let built = builder(&node, ledger()).fee_payer(key(1)).fee_payer(key(2)).fee_payer(key(3));
    let net = built.connect().await.unwrap();
    assert_eq!(net.fee_payers().len(), 3);
    let turns: Vec<_> = (0..6).map(|_| net.next_fee_payer().unwrap()).collect();
    assert!(turns.contains(&key(1).address()) && turns.contains(&key(3).address()));
    assert!(!turns.contains(&key(2).address()));
    let none = builder(&node, ledger()).connect().await.unwrap();
    assert_eq!(none.next_fee_payer().unwrap_err().code, Code::NoSigner);
    let twice = builder(&node, ledger()).fee_payer(key(1)).fee_payer(key(1)).connect().await;
    assert_eq!(twice.unwrap_err().code, Code::BadSettings);
    for n in 1..=3 {
        node.lamports(&key(n).address(), 5);
    }
    let poor = builder(&node, ledger()).fee_payer(key(1)).connect().await.unwrap();
    assert_eq!(poor.next_fee_payer().unwrap_err().code, Code::UnexpectedSettleError);
}

#[tokio::test]
async fn a_second_node_takes_over_and_only_certain_refusals_are_definite() {
    let (broken, well) = (Node::start().await, Node::start().await);
    let built = builder(&broken, ledger()).url(well.url()).fee_payer(key(1));
    let net = built.connect().await.unwrap();
    broken.world().status = Some(502);
    assert_eq!(net.send(payment(1), &RecordKey::from("a")).await.unwrap().fault, None);
    assert_eq!(well.different(), 1);
    // The first may have taken it, so the second's refusal is not the end of it.
    broken.world().status = None;
    broken.then(OnSend::LandAndLose);
    let net = builder(&broken, ledger()).url(well.url()).fee_payer(key(1)).connect().await.unwrap();
    well.then(OnSend::Refuse(json!({"code": -32002, "message": "no", "data": {"err": "AccountNotFound"}})));
    assert_eq!(net.send(payment(2), &RecordKey::from("b")).await.unwrap().fault, None);
    // Nobody there at all: nothing was sent, for certain.
    let gone = SolanaNetwork::builder(ledger(), clock()).url("http://127.0.0.1:9").connect().await;
    assert_eq!(gone.unwrap_err().code, Code::Unreachable);
}

#[tokio::test]
async fn ends_are_forgotten_after_their_time_and_nothing_else_is() {
    let (node, ledger) = (Node::start().await, ledger());
    let mut settings = settings();
    settings.retention_ms = 0;
    let net = network(&node, ledger.clone()).await;
    net.send(payment(1), &RecordKey::from("a")).await.unwrap();
    node.otherwise(OnSend::Swallow);
    let open = sending(&net, payment(2), "b");
    until(|| node.different() == 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    open.abort();
    drop(net);
    let next = builder(&node, ledger).sending(settings).fee_payer(key(1)).connect().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(next.sent(&RecordKey::from("a")).await.unwrap(), Sent::Never);
    assert!(matches!(next.sent(&RecordKey::from("b")).await.unwrap(), Sent::Pending(_)));
}
