//! Dialogues as they are written.

use ocp_proto::Role;

use crate::notation::Vector;
use crate::reaction::Expected;

/// What `after connection` stands for.
const CONNECTION: &[&str] =
    &["S: CS;\\r\\n", "P: CS;\\r\\n", "P does: offer", "P: NO ();\\r\\n", "S: NR;\\r\\n"];

/// What `after group` adds to it.
const GROUP: &[&str] =
    &["P does: create-group urn:x-vector:service", "P: SGC 1 ({\"20:urn:x-vector:service\"});\\r\\n"];

/// What `after transaction` adds to that.
const TRANSACTION: &[&str] = &["P does: start-transaction 1", "P: TS 0 1;\\r\\n", "P: AMS 0;\\r\\n"];

/// One line of a dialogue.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A message, or for an agent that breaks the rules any octets.
    Says(Role, Expected),
    /// A decision of the agent's own.
    Does(Role, String),
    /// The agent closes the transport.
    Closes(Role),
}

/// A dialogue.
#[derive(Debug, Clone)]
pub(crate) struct Dialogue {
    pub(crate) vector: Vector,
    /// The agents that can be put in the place of their lines.
    pub(crate) agents: Vec<Role>,
    /// What the agent supports, and hosts.
    pub(crate) supports: Vec<String>,
    pub(crate) hosts: Vec<String>,
    /// The scopes of the faults that the agent has to find: `connection`, `transaction N`.
    pub(crate) faults: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

impl Dialogue {
    /// Reads a dialogue.
    pub(crate) fn read(vector: Vector) -> Self {
        let mut dialogue = Self {
            agents: Vec::new(),
            supports: vec!["urn:x-vector:feature".to_owned()],
            hosts: vec!["urn:x-vector:service".to_owned()],
            faults: Vec::new(),
            steps: Vec::new(),
            vector,
        };
        for line in dialogue.vector.lines.clone() {
            if !dialogue.head(&line) && !dialogue.step(&line) {
                panic!("{}: {}: what is `{line}`?", dialogue.vector.file, dialogue.vector.title);
            }
        }
        assert!(!dialogue.agents.is_empty(), "{}: nobody is tested", dialogue.vector.title);
        dialogue
    }

    /// Takes a line that says something of the dialogue as a whole.
    fn head(&mut self, line: &str) -> bool {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        match line.split_once(' ') {
            Some(("for", "server")) => self.agents = vec![Role::Server],
            Some(("for", "processor")) => self.agents = vec![Role::Processor],
            Some(("for", "both")) => self.agents = vec![Role::Server, Role::Processor],
            Some(("supports", uris)) => self.supports = words(uris),
            Some(("hosts", uris)) => self.hosts = words(uris),
            Some(("fault", scope)) => self.faults.push(scope.to_owned()),
            Some(("after", "connection")) => return self.prologue(&[CONNECTION]),
            Some(("after", "group")) => return self.prologue(&[CONNECTION, GROUP]),
            Some(("after", "transaction")) => return self.prologue(&[CONNECTION, GROUP, TRANSACTION]),
            _ => return false,
        }
        true
    }

    fn prologue(&mut self, parts: &[&[&str]]) -> bool {
        parts.concat().iter().all(|line| self.step(line))
    }

    fn step(&mut self, line: &str) -> bool {
        if let Some(text) = line.trim_start().strip_prefix("or: ") {
            return self.last_expected(|expected| expected.any.push(text.to_owned()));
        }
        if let Some(name) = line.trim_start().strip_prefix("without: ") {
            return self.last_expected(|expected| expected.without.push(name.to_owned()));
        }
        let (role, rest) = match line.split_at_checked(1) {
            Some(("P", rest)) => (Role::Processor, rest),
            Some(("S", rest)) => (Role::Server, rest),
            _ => return false,
        };
        if let Some(text) = rest.strip_prefix(": ") {
            let expected = Expected { any: vec![text.to_owned()], without: Vec::new() };
            self.steps.push(Step::Says(role, expected));
        } else if let Some(action) = rest.strip_prefix(" does: ") {
            self.steps.push(Step::Does(role, action.to_owned()));
        } else if rest == " closes" {
            self.steps.push(Step::Closes(role));
        } else {
            return false;
        }
        true
    }

    fn last_expected(&mut self, change: impl FnOnce(&mut Expected)) -> bool {
        match self.steps.last_mut() {
            Some(Step::Says(_, expected)) => {
                change(expected);
                true
            }
            _ => false,
        }
    }
}
