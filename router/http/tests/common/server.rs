//! Servers on loopback: a facilitator of ours, and scripted ones that answer raw bytes.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves a facilitator; its address.
#[cfg(feature = "facilitator")]
pub async fn facilitator(facilitator: &tollway_http::Facilitator) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let facilitator = facilitator.clone();
    tokio::spawn(async move { facilitator.serve(listener, std::future::pending()).await });
    address
}

/// How a scripted server answers one request.
#[derive(Clone)]
pub enum Act {
    /// With a status line's status, extra header lines, and a body.
    Say(u16, &'static str, String),
    /// Closes after it has read the request.
    HangUp,
    /// Says nothing for so long.
    Stall(u64),
    /// Starts a body and sends without end.
    Flood,
}

/// What a scripted server was asked.
pub type Seen = Arc<Mutex<Vec<String>>>;

/// A server that plays `acts` in order, the last one over and over; its address, and what it was asked.
pub async fn scripted(acts: Vec<Act>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = seen.clone();
    tokio::spawn(async move {
        let mut turn = 0usize;
        while let Ok((mut socket, _)) = listener.accept().await {
            let request = read_request(&mut socket).await;
            log.lock().unwrap().push(request);
            let act = acts[turn.min(acts.len() - 1)].clone();
            turn += 1;
            tokio::spawn(async move { play(socket, act).await });
        }
    });
    (address, seen)
}

async fn play(mut socket: tokio::net::TcpStream, act: Act) {
    match act {
        Act::Say(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
            );
            let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
        }
        Act::HangUp => {}
        Act::Stall(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Act::Flood => {
            let _ = socket.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 999999999\r\n\r\n").await;
            while socket.write_all(&[b' '; 65536]).await.is_ok() {}
        }
    }
}

async fn read_request(socket: &mut tokio::net::TcpStream) -> String {
    let mut read = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0usize) {
                return text;
            }
        }
        match socket.read(&mut buffer).await {
            Ok(n) if n > 0 => read.extend_from_slice(&buffer[..n]),
            _ => return text,
        }
    }
}
