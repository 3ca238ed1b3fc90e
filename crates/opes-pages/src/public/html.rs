//! The page for people.

use maud::{Markup, html};
use opes_record::Dropped;

use super::{Bypassable, Disclosures, SystemPage};
use crate::page::page;
use crate::shown::Shown;
use crate::units::lasting;

impl SystemPage {
    pub(super) fn html(&self, dropped: Dropped) -> Markup {
        let content = html! {
            h1 { "An OPES System" }
            p {
                "You probably came here from the trace in a message: its " code { "OPES-System" }
                " field names this page. The system below dealt with that message on its way, and this is what it says \
                 about itself (RFC 3897)."
            }
            (self.identity())
            (self.said())
            (self.tracing(dropped))
            (self.bypass())
            (self.messages())
        };
        page("OPES System", &html! { strong { (Shown(self.system.as_str())) } }, &content)
    }

    fn identity(&self) -> Markup {
        html! {
            h2 { "Identity" }
            dl {
                dt { "System" } dd { code { (Shown(self.system.as_str())) } }
                dt { "Processors" }
                dd {
                    @if self.processors.is_empty() { span.soft { "This system does not name its processors." } }
                    @for processor in &self.processors { code { (Shown(processor.as_str())) } br; }
                }
            }
        }
    }

    fn said(&self) -> Markup {
        let said = &self.disclosures;
        html! {
            h2 { "References" }
            (disclosure(said.references.as_deref(), Disclosures::REFERENCES))
            h2 { "Privacy policy" }
            (disclosure(said.privacy.as_deref(), Disclosures::PRIVACY))
            h2 { "Responsible for the privacy policy" }
            (disclosure(said.responsible.as_deref(), Disclosures::RESPONSIBLE))
            h2 { "Technical contact" }
            (disclosure(said.contact.as_deref(), Disclosures::CONTACT))
        }
    }

    fn tracing(&self, dropped: Dropped) -> Markup {
        let tracing = &self.tracing;
        html! {
            h2 { "Tracing" }
            p { (tracing.told()) }
            dl {
                dt { "Granularity" } dd { (tracing.granularity()) }
                dt { "Header fields" }
                dd { @for (at, field) in tracing.fields().iter().enumerate() { @if at > 0 { ", " } code { (field) } } }
                dt { "Kept of each message" }
                dd {
                    @match &tracing.kept {
                        None => { "Nothing." }
                        Some(kept) => {
                            "What was done to it, by which services, how long it took and what failed; "
                            (kept.uri()) "; " (kept.client()) "; "
                            @if kept.headers.is_empty() { "the value of no header field" } @else {
                                "the values of the header fields "
                                @for (at, field) in kept.headers.iter().enumerate() {
                                    @if at > 0 { ", " } code { (Shown(field)) }
                                }
                            }
                            ". Never what the message carries."
                        }
                    }
                }
                @if let Some(kept) = &tracing.kept {
                    @if let Some(age) = kept.age { dt { "Kept for" } dd { (lasting(age)) } }
                    dt { "Dropped" }
                    dd {
                        "No message waits for its record: when records come faster than they can be kept, they are \
                         dropped. " (dropped.total()) " have not been kept since the start."
                    }
                }
            }
        }
    }

    fn bypass(&self) -> Markup {
        html! {
            h2 { "Bypass" }
            p {
                "A request with the field " code { "OPES-Bypass: URI" } " asks for the service of that URI to be left out, "
                "and one with " code { "OPES-Bypass: *" } " for all of them (RFC 4236 section 5). Several URIs may stand \
                 in it, with commas between them."
            }
            p {
                "The URI of this system or of a processor of it stands for all its services (RFC 3897 section 4), and so \
                 does a URI that nobody here knows: it counts as " code { "*" } " (RFC 3897 section 4.3)."
            }
            @if self.services.is_empty() { p.soft { "No services are configured." } } @else {
                table.cards {
                    thead { tr { th { "Service" } th { "Left out on request" } } }
                    tbody {
                        @for service in &self.services {
                            tr {
                                td data-of="Service" { code { (Shown(service.uri.as_str())) } }
                                td data-of="Left out" {
                                    @match &service.bypassable {
                                        Bypassable::Yes => { span.tag.good { "yes" } }
                                        Bypassable::No(why) => { div { span.tag.odd { "no" } " " (Shown(why)) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn messages(&self) -> Markup {
        html! {
            h2 { "One message" }
            p { (self.summary.told()) }
            @if self.tracing.kept.is_none() {
                p { "Nothing is kept of messages, though, so there is nothing to be told." }
            } @else if self.summary.tells() {
                form.fields method="get" {
                    label { "The id in its trace" input name="id" size="26" maxlength="24" autocomplete="off" required; }
                    button { "Ask" }
                }
            } @else {
                p { "The " code { "id" } " in its trace helps the technical contact to find it." }
            }
        }
    }
}

/// What the operator said, or else what is said for want of it.
fn disclosure(said: Option<&str>, unset: &str) -> Markup {
    let is_link = |text: &str| {
        let scheme = ["https://", "http://", "mailto:"].into_iter().any(|scheme| text.starts_with(scheme));
        scheme && text.bytes().all(|octet| octet.is_ascii_graphic())
    };
    html! {
        @match said {
            Some(text) if is_link(text) => p { a href=(text) rel="noreferrer" { (Shown(text)) } }
            Some(text) => @for paragraph in text.lines() { p { (Shown(paragraph)) } }
            None => p.unset { (unset) }
        }
    }
}
