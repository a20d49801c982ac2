//! A road to a server on which requests and answers get lost, or are turned away: one HTTP request per connection.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Passed,
    /// The server has it and answers; the answer is lost.
    AnswerLost,
    /// The server never sees it; nobody says so.
    RequestLost,
    /// The server has it and answers; what arrives says that the server failed.
    AnswerBroken,
    /// Turned away before the server sees it.
    Throttled,
}

/// The road; it closes when this is dropped.
pub struct LossyRoad {
    pub endpoint: String,
    task: JoinHandle<()>,
}

impl LossyRoad {
    /// A road to `endpoint`; `next` says what happens to each request.
    pub async fn to(endpoint: &str, next: impl FnMut() -> Fate + Send + 'static) -> Self {
        let server = endpoint.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let next = Arc::new(Mutex::new(next));
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (server, next) = (server.clone(), Arc::clone(&next));
                // A connection that breaks is what this is about.
                tokio::spawn(async move { travel(client, &server, move || next.lock().unwrap()()).await });
            }
        });
        Self { endpoint: own, task }
    }
}

impl Drop for LossyRoad {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn travel(mut client: TcpStream, server: &str, next: impl FnOnce() -> Fate) -> std::io::Result<()> {
    let Some(request) = read_request(&mut client).await? else { return Ok(()) };
    let fate = next();
    let answer = match fate {
        Fate::RequestLost => return Ok(()),
        Fate::Throttled => refusal(400, "com.amazonaws.dynamodb#ProvisionedThroughputExceededException"),
        Fate::Passed | Fate::AnswerLost | Fate::AnswerBroken => {
            let mut upstream = TcpStream::connect(server).await?;
            upstream.write_all(&request).await?;
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).await?;
            match fate {
                Fate::AnswerLost => return Ok(()),
                Fate::AnswerBroken => refusal(500, "com.amazonaws.dynamodb#InternalServerError"),
                _ => answer,
            }
        }
    };
    client.write_all(&answer).await?;
    client.shutdown().await
}

/// One whole request, with the wish that the server closes the connection behind its answer.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(head_end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |digits| digits.trim().parse().unwrap());
            if bytes.len() >= head_end + 4 + length {
                bytes.splice(head_end..head_end, *b"\r\nConnection: close");
                return Ok(Some(bytes));
            }
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn refusal(status: u16, kind: &str) -> Vec<u8> {
    let body = format!(r#"{{"__type":"{kind}","message":"made up"}}"#);
    let head = "Content-Type: application/x-amz-json-1.0\r\nConnection: close\r\nContent-Length:";
    format!("HTTP/1.1 {status} Refused\r\n{head} {}\r\n\r\n{body}", body.len()).into_bytes()
}
