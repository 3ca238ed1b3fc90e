//! What an administrator has to know.

use std::fmt::{self, Display};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// The least octets of a token.
const LEAST: usize = 16;
/// The most.
const MOST: usize = 256;

/// The token of the administrator. It is not shown by `Debug`.
#[derive(Clone)]
pub struct Token(String);

/// Text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is easily guessed, or too long for a header field.
    #[error("a token has {LEAST} to {MOST} characters")]
    Length,
    /// It cannot stand in `Authorization: Bearer` as it is.
    #[error("a token consists of visible ASCII characters")]
    Character,
    /// None can be drawn.
    #[error("the operating system gives no random numbers")]
    Random,
}

impl Token {
    /// This token.
    ///
    /// # Errors
    /// It has fewer than 16 or more than 256 characters, or others than visible ASCII ones.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenError> {
        let text = text.into();
        if !(LEAST..=MOST).contains(&text.len()) {
            return Err(TokenError::Length);
        }
        match text.bytes().all(|octet| octet.is_ascii_graphic()) {
            true => Ok(Self(text)),
            false => Err(TokenError::Character),
        }
    }

    /// A token that nobody guesses.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn random() -> Result<Self, TokenError> {
        random().map(Self).ok_or(TokenError::Random)
    }

    /// The token itself, to be told to the administrator and nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The address with which a person enters, at this host and port: `http://127.0.0.1:8081/?token=…`.
    pub fn link(&self, authority: impl Display) -> String {
        let query: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("http://{authority}/?token={query}")
    }

    pub(super) fn secret(&self) -> Secret {
        Secret::new(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Text that is only ever compared, in a time that does not tell how much of it was right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Whether this is it.
    pub(super) fn is(&self, text: &str) -> bool {
        self.0.ct_eq(&Self::new(text).0).into()
    }
}

/// Text with 256 bits that nobody guesses; `None` where the operating system has none.
pub(super) fn random() -> Option<String> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).ok()?;
    Some(URL_SAFE_NO_PAD.encode(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_enough_and_fits_into_a_header_field() {
        assert_eq!(Token::new("x".repeat(15)).unwrap_err(), TokenError::Length);
        assert_eq!(Token::new("x".repeat(257)).unwrap_err(), TokenError::Length);
        assert_eq!(Token::new("0123456789 abcdef").unwrap_err(), TokenError::Character);
        assert_eq!(Token::new("0123456789\nabcdef").unwrap_err(), TokenError::Character);
        assert_eq!(Token::new("0123456789abcdef").unwrap().reveal(), "0123456789abcdef");
        assert_ne!(Token::random().unwrap().reveal(), Token::random().unwrap().reveal());
    }

    #[test]
    fn a_token_is_printed_only_where_that_is_meant() {
        let token = Token::new("0123456789+/&abc").unwrap();
        assert!(!format!("{token:?}").contains("0123"));
        assert_eq!(token.link("[::1]:80"), "http://[::1]:80/?token=0123456789%2B%2F%26abc");
    }

    #[test]
    fn a_secret_is_compared_as_a_whole() {
        let secret = Token::new("0123456789abcdef").unwrap().secret();
        assert!(secret.is("0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdefg", "0123456789abcdeg"] {
            assert!(!secret.is(wrong), "{wrong}");
        }
    }
}
