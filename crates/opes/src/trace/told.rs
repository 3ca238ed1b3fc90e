//! A record on a terminal: all that is kept, one line for each thing.

use std::fmt::Write;

use opes_record::TraceId;
use serde_json::Value;

/// The column in which values begin.
const VALUES: usize = 15;

/// Lines of a name and what is said under it.
struct Lines(String);

impl Lines {
    /// A line of the message.
    fn say(&mut self, name: &str, text: &str) {
        self.at(2, name, text);
    }

    /// A line of a service.
    fn say_of_service(&mut self, name: &str, text: &str) {
        self.at(4, name, text);
    }

    fn at(&mut self, indent: usize, name: &str, text: &str) {
        // Writing to a string does not fail. What others wrote is only ever in the text, or a name of ours.
        let _ = writeln!(self.0, "{:indent$}{name:<1$}{2}", "", VALUES - indent, printable(text));
    }
}

/// All of a record, as the administrator's pages give it to programs.
pub(super) fn told(id: TraceId, record: &Value) -> String {
    let mut lines = Lines(format!("{id}\n"));
    message(&mut lines, record);
    for rule in each(&record["rules"]) {
        lines.say("rule", &format!("{} at {}", word(&rule["rule"]), word(&rule["point"])));
    }
    for used in each(&record["services"]) {
        service(&mut lines, used);
    }
    if record["strangers"] != 0 {
        let dropped = "trace records of agents that had not been asked were dropped";
        lines.say("strangers", &format!("{} {dropped}", word(&record["strangers"])));
    }
    for bypass in each(&record["bypasses"]) {
        let done = match bypass["honoured"] == true {
            true => "honoured".to_owned(),
            false => format!("ignored: {}", word(&bypass["why"])),
        };
        lines.say("bypass", &format!("{} {done}", word(&bypass["entry"])));
    }
    for entry in each(&record["trace"]) {
        lines.say("trace", &word(entry));
    }
    for field in each(&record["headers"]) {
        lines.say("field", &format!("{}: {}", word(&field["name"]), word(&field["value"])));
    }
    left_out(&record["left_out"], |text| lines.say("left out", text));
    lines.0
}

/// What is kept of the message itself.
fn message(lines: &mut Lines, record: &Value) {
    let uri = or(&record["uri"], "(the URI is not kept)");
    lines.say("message", &format!("{} of {} {uri}", word(&record["direction"]), word(&record["method"])));
    lines.say("status", &or(&record["status"], "none"));
    lines.say("outcome", &word(&record["outcome"]));
    if let Some(failure) = record["failure"].as_str() {
        lines.say("failure", failure);
    }
    lines.say("client", &or(&record["client"], "not kept"));
    lines.say("begun", &format!("{} ms since 1970", word(&record["begun"])));
    lines.say("traced", &word(&record["time"]));
    lines.say("took", &format!("{} us", word(&record["micros"])));
    lines.say("payload", &octets(record));
}

/// What one service did.
fn service(lines: &mut Lines, service: &Value) {
    lines.say("service", &word(&service["uri"]));
    let server = &service["callout_server"];
    let place = match (server.is_null(), server["address"] == "") {
        (true, _) => "in the processor".to_owned(),
        (false, true) => format!("callout server {}, not reached", word(&server["name"])),
        (false, false) => format!("callout server {} at {}", word(&server["name"]), word(&server["address"])),
    };
    lines.say_of_service("where", &place);
    // Services of the same number shared one transaction.
    lines.say_of_service("run", &word(&service["run"]));
    lines.say_of_service("result", &or(&service["result"], "none"));
    lines.say_of_service("payload", &octets(service));
    let worked = match service["start"].is_null() {
        true => "never".to_owned(),
        false => span(service),
    };
    lines.say_of_service("worked", &worked);
    for pause in each(&service["paused"]) {
        lines.say_of_service("paused", &span(pause));
    }
    if let Some(verdict) = service["verdict"].as_str() {
        lines.say_of_service("says", verdict);
    }
    for parameter in each(&service["parameters"]) {
        let said = format!("{}={}", word(&parameter["name"]), word(&parameter["value"]));
        lines.say_of_service("parameter", &said);
    }
    left_out(&service["left_out"], |text| lines.say_of_service("left out", text));
}

/// What had no room in the record.
fn left_out(lists: &Value, mut say: impl FnMut(&str)) {
    for (name, items) in lists.as_object().into_iter().flatten() {
        if *items != 0 {
            say(&format!("{} {name}", word(items)));
        }
    }
}

fn octets(of: &Value) -> String {
    format!("{} octets in, {} octets out", word(&of["octets_in"]), word(&of["octets_out"]))
}

/// A time, from the beginning of the message on.
fn span(of: &Value) -> String {
    format!("from {} us to {} us", word(&of["start"]), word(&of["end"]))
}

fn each(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn or(value: &Value, otherwise: &str) -> String {
    if value.is_null() { otherwise.to_owned() } else { word(value) }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Text of others for a terminal: what would move its cursor, hide, or turn the direction of writing is shown as a code.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests;
