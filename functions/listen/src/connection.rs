//! One WebSocket connection: opened, subscribed, read. TLS is rustls on ring with the machine's certificates.
//! CON-1: a key stands in no error: an address is told without its query.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

/// The longest frame; a vendor's are a few hundred kilobytes at most.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An open connection.
pub struct Connection(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came by a connection.
pub enum Heard {
    Frame(Vec<u8>),
    /// Something that says only that the other side is there.
    Alive,
    Ended(String),
}

impl Connection {
    /// Connects with a key and subscribes.
    pub async fn open(address: &str, token: &str, symbols: &[String], within_ms: u64) -> Result<Self, String> {
        let opening = async {
            let config = WebSocketConfig::default()
                .max_message_size(Some(FRAME_BYTES_MAX))
                .max_frame_size(Some(FRAME_BYTES_MAX));
            let url = format!("{address}?token={token}");
            let connector = if address.starts_with("wss:") { Some(tls()?) } else { None };
            let opened = connect_async_tls_with_config(url, Some(config), false, connector).await;
            let (stream, _) = opened.map_err(|error| without(token, &error.to_string()))?;
            let mut connection = Self(stream);
            for symbol in symbols {
                let text = serde_json::json!({"type": "subscribe", "symbol": symbol}).to_string();
                connection.send(Message::Text(text.into())).await?;
            }
            Ok(connection)
        };
        let within = Duration::from_millis(within_ms);
        tokio::time::timeout(within, opening)
            .await
            .unwrap_or_else(|_| Err(format!("no connection within {within_ms} ms")))
    }

    /// The next that comes. Dropped while it waits, it has lost nothing.
    pub async fn hear(&mut self) -> Heard {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Heard::Frame(text.as_bytes().to_vec()),
            Some(Ok(Message::Binary(bytes))) => Heard::Frame(bytes.to_vec()),
            Some(Ok(Message::Close(frame))) => {
                Heard::Ended(frame.map_or("closed".to_owned(), |frame| frame.to_string()))
            }
            Some(Ok(_)) => Heard::Alive,
            Some(Err(error)) => Heard::Ended(error.to_string()),
            None => Heard::Ended("the connection ended".to_owned()),
        }
    }

    /// Asks whether the other side is there.
    pub async fn ping(&mut self) -> Result<(), String> {
        self.send(Message::Ping(Vec::new().into())).await
    }

    /// Says goodbye; the other side may be gone already.
    pub async fn close(mut self) {
        let _ = self.0.close(None).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), String> {
        self.0.send(message).await.map_err(|error| error.to_string())
    }
}

fn tls() -> Result<Connector, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err("this machine has no root certificates; install its ca-certificates package".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

fn without(token: &str, message: &str) -> String {
    message.replace(token, "***")
}
