//! A vendor's key: read from the environment, given to a request, and shown to nobody.
//! SEC-1 (S10): neither `Debug` nor any error or answer of this room holds a secret; where a vendor echoes it, it is masked.

use std::fmt;

/// What stands where a secret stood.
const MASK: u8 = b'*';
/// Shorter ones would mask half of every text.
const MASKED_BYTES_MIN: usize = 6;

/// Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret that came from elsewhere.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// From the environment; `None` where it is not set or empty.
    #[allow(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
    pub fn from_environment(name: &str) -> Option<Self> {
        std::env::var(name).ok().filter(|value| !value.is_empty()).map(Self)
    }

    /// The secret itself, for the request alone.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// As a query carries it (RFC 3986): everything but the unreserved characters encoded.
    pub(crate) fn percent_encoded(&self) -> String {
        let mut encoded = String::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(byte as char);
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        encoded
    }

    /// Covers every place where the bytes hold the secret, as it is or as a query carries it.
    pub fn mask(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.0.len() >= MASKED_BYTES_MIN {
            for form in [self.0.clone(), self.percent_encoded()] {
                let found: Vec<usize> = memchr::memmem::find_iter(&bytes, &form).collect();
                for at in found {
                    bytes[at..at + form.len()].fill(MASK);
                }
            }
        }
        bytes
    }

    /// [`Secret::mask`] of a text.
    pub fn mask_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.mask(text.as_bytes().to_vec())).into_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands_and_never_shown() {
        let secret = Secret::new("canary-7f3a");
        assert_eq!(
            secret.mask_text("a canary-7f3a b canary-7f3acanary-7f3a"),
            "a *********** b **********************"
        );
        assert_eq!(Secret::new("canary/7 é").mask_text("k=canary%2F7%20%C3%A9&"), "k=*******************&");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(Secret::new("").mask_text("abc"), "abc");
    }
}
