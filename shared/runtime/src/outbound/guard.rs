//! Whom a client may ask: which hosts, over which scheme, at which resolved addresses.
//! GRD-1: the address that was checked is the one that is connected to: check and resolution are one step.
//! GRD-2: a name with one address inside a private or special range is refused whole.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::{ClientConfig, RootCertStore};
use tower::Service;

use super::OutboundError;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// These hosts, over HTTPS on its own port.
    Vendor(Vec<String>),
    /// One server on this machine, over plain HTTP.
    Simulation(SocketAddr),
}

impl Reach {
    /// The simulation at `http://127.0.0.1:port`.
    pub fn simulation(address: &str) -> Result<Self, OutboundError> {
        let refused = |reason: &str| OutboundError::Refused { address: address.to_owned(), reason: reason.to_owned() };
        let authority = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
        let parsed: SocketAddr =
            authority.parse().map_err(|_| refused("a simulation is given as http://127.0.0.1:<port>"))?;
        if !parsed.ip().is_loopback() {
            return Err(refused("a simulation must be on the loopback address, http://127.0.0.1:<port>"));
        }
        Ok(Self::Simulation(parsed))
    }

    /// The address, if it may be asked.
    pub(super) fn check(&self, address: &str) -> Result<Uri, OutboundError> {
        let refused = |reason: String| OutboundError::Refused { address: address.to_owned(), reason };
        let uri: Uri = address.parse().map_err(|error| refused(format!("it is no address: {error}")))?;
        let authority = uri.authority().ok_or_else(|| refused("it names no host".to_owned()))?;
        if authority.as_str().contains('@') {
            return Err(refused("it holds a user; keys are named in the configuration, never written".to_owned()));
        }
        match self {
            Self::Simulation(server) => {
                if uri.scheme_str() != Some("http") || authority.as_str() != server.to_string() {
                    return Err(refused(format!("the simulation is http://{server}")));
                }
            }
            Self::Vendor(hosts) => {
                if uri.scheme_str() != Some("https") {
                    return Err(refused("only https is spoken with vendors".to_owned()));
                }
                if authority.port_u16().is_some_and(|port| port != 443) || authority.as_str().ends_with(':') {
                    return Err(refused("only port 443 is asked".to_owned()));
                }
                if !hosts.iter().any(|host| host.eq_ignore_ascii_case(authority.host())) {
                    return Err(refused(format!("the vendor's hosts are {}", hosts.join(", "))));
                }
                // The connector would take it as it is, past the resolver.
                if authority.host().trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
                    return Err(refused("a vendor is named, not numbered".to_owned()));
                }
            }
        }
        Ok(uri)
    }
}

/// The system's resolver, with what it finds checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicResolver;

impl Service<Name> for PublicResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            all_public(name.as_str(), found.collect()).map(Vec::into_iter)
        })
    }
}

fn all_public(host: &str, found: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    match found.iter().find(|address| !is_public(address.ip())) {
        Some(address) => {
            let message = format!("{host} resolves to {}, which is no public address; nothing was sent", address.ip());
            Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
        }
        None => Ok(found),
    }
}

/// Whether an address is somebody's on the internet (IANA special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let is_special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !is_special
}

/// Global unicast is 2000::/3; tunnels inside it carry addresses of version 4 that nobody checked.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let is_tunnel_or_special = a == 0x2002 || (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x3fff;
    a & 0xe000 == 0x2000 && !is_tunnel_or_special
}

/// TLS 1.2 and 1.3 on ring. A simulation speaks none, so that it runs where no certificates are.
pub(super) fn tls(reach: &Reach) -> Result<ClientConfig, OutboundError> {
    let unusable = |message: String| OutboundError::Broken { address: "TLS".to_owned(), message };
    let mut roots = RootCertStore::empty();
    if let Reach::Vendor(_) = reach {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(unusable(
                "this machine has no trusted certificates; install the package ca-certificates, or set SSL_CERT_FILE"
                    .to_owned(),
            ));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reach: &Reach, address: &str) -> Option<String> {
        reach.check(address).err().map(|error| error.to_string())
    }

    #[test]
    fn only_the_vendors_hosts_are_asked_and_only_over_https() {
        let reach = Reach::Vendor(vec!["api.example.com".into(), "10.0.0.1".into()]);
        assert_eq!(refusal(&reach, "https://API.example.com/v4/sports?x=1"), None);
        assert_eq!(refusal(&reach, "https://api.example.com:443/"), None);
        for (address, part) in [
            ("http://api.example.com/", "only https"),
            ("file:///etc/passwd", "it is no address"),
            ("https://api.example.com.evil.org/", "the vendor's hosts"),
            ("https://evil.org/api.example.com", "the vendor's hosts"),
            ("https://user@api.example.com/", "holds a user"),
            ("https://api.example.com@evil.org/", "holds a user"),
            ("https://api.example.com:8443/", "port 443"),
            ("https://10.0.0.1/", "named, not numbered"),
            ("https://169.254.169.254/latest/meta-data", "the vendor's hosts"),
            ("/relative", "names no host"),
        ] {
            let message = refusal(&reach, address).unwrap_or_else(|| panic!("{address} was let through"));
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_simulation_is_one_server_on_loopback() {
        let reach = Reach::simulation("http://127.0.0.1:8099/").unwrap();
        assert_eq!(refusal(&reach, "http://127.0.0.1:8099/v4/sports"), None);
        for address in ["http://127.0.0.1:8098/", "https://127.0.0.1:8099/", "http://localhost:8099/"] {
            assert!(refusal(&reach, address).is_some(), "{address}");
        }
        for address in ["http://10.0.0.1:80", "http://localhost:80", "https://127.0.0.1:80", "127.0.0.1"] {
            assert!(Reach::simulation(address).is_err(), "{address}");
        }
    }

    #[test]
    fn addresses_of_special_ranges_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "240.0.0.1",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "99.83.4.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn one_private_address_spoils_a_name() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        assert!(all_public("x", vec![address("8.8.8.8")]).is_ok());
        let error = all_public("x", vec![address("8.8.8.8"), address("10.0.0.1")]).unwrap_err().to_string();
        assert!(error.contains("x resolves to 10.0.0.1"), "{error}");
    }
}
