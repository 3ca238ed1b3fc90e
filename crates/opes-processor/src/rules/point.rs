//! The processing points (RFC 3838 section 3.3).

use opes_profile::http::Profile;

/// Where on its way a message meets rules. Each point sees the result of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// A request as the data consumer sent it.
    RequestIn,
    /// A request as it goes to the data provider.
    RequestOut,
    /// A response as the data provider sent it.
    ResponseIn,
    /// A response as it goes to the data consumer.
    ResponseOut,
}

impl Point {
    /// The points in the order in which an HTTP transaction meets them.
    pub const ALL: [Self; 4] = [Self::RequestIn, Self::RequestOut, Self::ResponseIn, Self::ResponseOut];
    /// Those that requests meet.
    pub const REQUEST: [Self; 2] = [Self::RequestIn, Self::RequestOut];
    /// Those that responses meet.
    pub const RESPONSE: [Self; 2] = [Self::ResponseIn, Self::ResponseOut];

    /// The name in configurations and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestIn => "request-in",
            Self::RequestOut => "request-out",
            Self::ResponseIn => "response-in",
            Self::ResponseOut => "response-out",
        }
    }

    /// The profile of the messages that meet it.
    pub fn profile(self) -> Profile {
        match self {
            Self::RequestIn | Self::RequestOut => Profile::Request,
            Self::ResponseIn | Self::ResponseOut => Profile::Response,
        }
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
