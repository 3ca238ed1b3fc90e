//! What an agent decides of its own accord: the `does` lines.

use bytes::Bytes;
use ocp_proto::Connection;
use ocp_proto::message::{Feature, GroupId, Outcome, Service, Xid};
use std::time::Instant;

use crate::notation::octets;

/// Words and quoted octets of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Bare(String),
    Quoted(Vec<u8>),
}

/// Lets the agent do what the line says.
pub(crate) fn act(agent: &mut Connection, line: &str, now: Instant) -> Result<(), String> {
    let words = words(line)?;
    let (verb, rest) = words.split_first().ok_or("nothing is done")?;
    let mut given = Given { rest };
    let Word::Bare(verb) = verb else { return Err(format!("{verb:?} is nothing to do")) };
    perform(agent, verb, &mut given, now)?;
    if given.rest.is_empty() { Ok(()) } else { Err(format!("too much in `{line}`")) }
}

fn perform(agent: &mut Connection, verb: &str, given: &mut Given<'_>, now: Instant) -> Result<(), String> {
    match verb {
        "offer" => {
            let group = given.after("for")?.map(GroupId);
            let features = given.uris()?.into_iter().map(Feature::new).collect();
            agent.offer(features, group, now).map_err(|error| error.to_string())?;
        }
        "create-group" => {
            let services = given.uris()?.into_iter().map(Service::new).collect();
            agent.create_group(services).map_err(|error| error.to_string())?;
        }
        "destroy-group" => agent.destroy_group(GroupId(given.number()?)),
        "start-transaction" => {
            let group = GroupId(given.number()?);
            agent.start_transaction(group, Bytes::new(), now).map_err(|error| error.to_string())?;
        }
        "start-message" => {
            let xid = given.xid()?;
            let modp = given.after("modp")?.map(|modp| u8::try_from(modp).unwrap_or(u8::MAX));
            agent.start_message(xid, Bytes::new(), modp);
        }
        "send" => {
            let (xid, octets) = (given.xid()?, given.octets()?);
            let original = given.after("from")?;
            agent.send(xid, Bytes::new(), octets, original).map_err(|error| error.to_string())?;
        }
        "end-message" => agent.end_message(given.xid()?, given.outcome()?),
        "end-transaction" => agent.end_transaction(given.xid()?, given.outcome()?),
        "abort-transaction" => agent.abort_transaction(given.xid()?, "because"),
        "pause" => agent.pause(given.xid()?),
        "resume" => agent.resume(given.xid()?, given.maybe()?, now),
        "want-stop-sending" => agent.want_stop_sending(given.xid()?),
        "want-stop-receiving" => agent.want_stop_receiving(given.xid()?, given.number()?),
        "stop-sending" => agent.stop_sending(given.xid()?),
        "not-need-below" => agent.dispose(given.xid()?, given.number()?),
        "ask-progress" => agent.query_progress(given.maybe()?.map(Xid)),
        "report-progress" => agent.report_progress(given.xid()?, now),
        "ask-ability" => agent.query_ability(Feature::new(given.word()?.to_owned())),
        "end-connection" => agent.end(Outcome::OK),
        other => return Err(format!("`{other}` is nothing to do")),
    }
    Ok(())
}

struct Given<'a> {
    rest: &'a [Word],
}

impl Given<'_> {
    fn word(&mut self) -> Result<&str, String> {
        match self.rest.split_first() {
            Some((Word::Bare(word), rest)) => {
                self.rest = rest;
                Ok(word)
            }
            other => Err(format!("a word is missing: {other:?}")),
        }
    }

    fn number(&mut self) -> Result<u64, String> {
        self.word()?.parse().map_err(|_| "a number is missing".to_owned())
    }

    fn xid(&mut self) -> Result<Xid, String> {
        self.number().map(Xid)
    }

    fn maybe(&mut self) -> Result<Option<u64>, String> {
        if self.rest.is_empty() { Ok(None) } else { self.number().map(Some) }
    }

    /// The number after this keyword, if the keyword comes next.
    fn after(&mut self, keyword: &str) -> Result<Option<u64>, String> {
        match self.rest.split_first() {
            Some((Word::Bare(word), rest)) if word == keyword => {
                self.rest = rest;
                self.number().map(Some)
            }
            _ => Ok(None),
        }
    }

    fn octets(&mut self) -> Result<Bytes, String> {
        match self.rest.split_first() {
            Some((Word::Quoted(octets), rest)) => {
                self.rest = rest;
                Ok(Bytes::from(octets.clone()))
            }
            other => Err(format!("octets are missing: {other:?}")),
        }
    }

    fn uris(&mut self) -> Result<Vec<String>, String> {
        let mut uris = Vec::new();
        while !self.rest.is_empty() {
            uris.push(self.word()?.to_owned());
        }
        Ok(uris)
    }

    fn outcome(&mut self) -> Result<Outcome, String> {
        match self.maybe()? {
            None => Ok(Outcome::OK),
            Some(206) => Ok(Outcome::PARTIAL),
            Some(400) => Ok(Outcome::failure("because")),
            Some(other) => Err(format!("{other} is no result code")),
        }
    }
}

fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted.split_once('"').ok_or("a quote is missing")?;
            words.push(Word::Quoted(octets(text)?));
            rest = after.trim_start();
        } else {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            words.push(Word::Bare(word.to_owned()));
            rest = after.trim_start();
        }
    }
    Ok(words)
}
