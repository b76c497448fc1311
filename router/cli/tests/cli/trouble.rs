//! What the command says and how it ends when money is on its way and something breaks.

use crate::kit::{Outcome, Running};
use crate::world::World;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A way to `server` on which the answers to paid requests get lost.
async fn lossy(server: &str) -> Outcome<String> {
    let server = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, server.clone()));
        }
    });
    Ok(url)
}

/// Carries one request and, unless it was paid, its answer.
async fn carry(mut client: TcpStream, server: String) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    if !request.to_lowercase().contains("\r\npayment-signature:") {
        client.write_all(&answer).await?;
    }
    client.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_and_not_delivered_is_said_with_the_receipt() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let url = lossy(&shop.url).await?;
    let said = world.run(&["pay", "--max", "0.05", &format!("{url}/weather")]).await?;
    said.failed(
        4,
        &["paid 0.010000 USDC on Base in transaction 0x", "no answer arrived", "Do not pay again"],
    );
    assert_eq!((world.moved().await?, world.signatures().await?), (10_000, 1));
    Ok(())
}

/// The shop's own failure costs nothing, though a signature was sent: nobody can say so until it has expired.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_fails_takes_no_money() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let said = world.run(&["pay", "--max", "0.05", &format!("{}/broken", shop.url)]).await?;
    said.failed(5, &["nobody has proven that money moved", "do not pay again", "--settle-up"]);
    assert_eq!(said.out, "out of order\n");
    assert_eq!((world.moved().await?, world.signatures().await?), (0, 1));
    let journal = world.run(&["pay", "--settle-up"]).await?;
    assert_eq!(
        journal.good(),
        "still open: 0.010000 USDC on Base\n1 payments in the journal, 1 still open\n"
    );
    world.chain()?.advance_time(Duration::from_secs(3600)).await?;
    world.chain()?.mine(1).await?;
    let journal = world.run(&["pay", "--settle-up"]).await?;
    assert_eq!(journal.good(), "1 payments in the journal, 0 still open\n");
    assert!(journal.err.contains("0.010000 USDC was not paid, and cannot be any more"), "{journal:?}");
    Ok(())
}

/// Ctrl-C while the chain does not mine: the signature is out. The journal has it, and the chain tells.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_payment_is_found_again() -> Outcome {
    let world = World::start().await?;
    let shop = world.open_shop().await?;
    let base = world.chain()?;
    base.set_automine(false).await?;
    let paying = Running::start(world.command(&["pay", "--max", "0.05", &format!("{}/weather", shop.url)]))?;
    let pending = || base.call("eth_getBlockByNumber", serde_json::json!(["pending", false]));
    let mut waited = 0;
    while pending().await?["transactions"].as_array().is_none_or(Vec::is_empty) {
        waited += 1;
        assert!(waited < 300, "no transaction was sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    paying.interrupt()?;
    let journal = world.run(&["pay", "--settle-up"]).await?;
    assert!(journal.good().ends_with("1 payments in the journal, 1 still open\n"), "{journal:?}");
    base.set_automine(true).await?;
    base.mine(1).await?;
    let journal = world.run(&["pay", "--settle-up"]).await?;
    assert_eq!(journal.good(), "1 payments in the journal, 0 still open\n");
    assert!(
        journal.err.starts_with("earlier payment: paid 0.010000 USDC on Base in transaction 0x"),
        "{journal:?}"
    );
    assert_eq!(world.moved().await?, 10_000);
    Ok(())
}
