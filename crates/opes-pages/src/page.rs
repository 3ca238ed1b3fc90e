//! The frame of every page, and its policy.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::answer::Refusal;
use crate::shown::Shown;

/// The only stylesheet, in every page.
pub(crate) const STYLE: &str = include_str!("style.css");

/// Nothing runs, nothing is loaded, and forms go nowhere but here (Content Security Policy Level 3).
static SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

/// The content security policy of every answer.
pub(crate) fn security_policy() -> HeaderValue {
    HeaderValue::from_str(&SECURITY_POLICY).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// A whole page: its title, what stands beside the name at its top, and what is in it.
pub(crate) fn page(title: &str, beside: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (Shown(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (beside) }
                main { (content) }
            }
        }
    }
}

/// The page for what is refused.
pub(crate) fn refusal(refusal: &Refusal, subject: &str, onward: &str) -> Markup {
    let title = refusal.status.canonical_reason().unwrap_or("Refused");
    let content = html! {
        h1 { (title) }
        p { (Shown(&refusal.why)) }
        p { a href=(onward) { "Go back to the beginning" } }
    };
    page(title, &html! { strong { (Shown(subject)) } }, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stylesheet_cannot_leave_its_element_and_loads_nothing() {
        for wrong in ["<", "@import", "url(", "expression"] {
            assert!(!STYLE.contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_policy_allows_nothing_but_the_stylesheet_as_it_stands_in_the_page() {
        let page = page("t", &html! {}, &html! {}).into_string();
        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        let policy = security_policy();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}'; ")), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    }
}
