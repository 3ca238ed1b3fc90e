//! Conditions of rules: expressions in CEL, checked when they are read, evaluated for each message.

use std::sync::Arc;

use cel::{Context, Program, Value};
use regex::Regex;
use thiserror::Error;

use super::check::{self, Wrong};
use super::facts::Facts;
use super::patterns::{self, ENVIRONMENT};
use super::point::Point;

/// The most octets of a condition.
const LONGEST: usize = 64 * 1024;

/// Why a condition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct InvalidCondition {
    /// What is wrong, in words.
    pub problem: String,
    /// Where in the text: the number of the octet, from 0.
    pub offset: usize,
}

/// A condition could not be evaluated for a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the condition of rule {rule} cannot be evaluated: {reason}")]
pub struct EvaluationError {
    /// The rule.
    pub rule: Arc<str>,
    /// Why not.
    pub reason: String,
}

/// When a rule matches.
#[derive(Debug)]
pub struct Condition {
    text: String,
    program: Program,
    /// Its regular expressions, which are known as long as they are here.
    _patterns: Vec<Arc<Regex>>,
    /// It looks at the response, or at what services set, which is not known before.
    late: bool,
    /// It looks at the response.
    sees_response: bool,
    /// It looks at the request.
    sees_request: bool,
}

impl Condition {
    /// Reads a condition of rules at `point`.
    ///
    /// # Errors
    /// It is no CEL, names what does not exist, or does not come to true or false.
    pub fn new(text: &str, point: Point) -> Result<Self, InvalidCondition> {
        if text.len() > LONGEST {
            let problem = format!("a condition has at most {LONGEST} octets");
            return Err(InvalidCondition { problem, offset: 0 });
        }
        let program = ENVIRONMENT.compile(text).map_err(|errors| syntax(text, &errors))?;
        let expression = program.expression();
        let checked = check::condition(expression, point).and_then(|()| patterns::compile(expression));
        let patterns = checked.map_err(|Wrong { id, problem }| {
            let offset = program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
            InvalidCondition { problem, offset: text.floor_char_boundary(offset) }
        })?;
        let references = expression.references();
        let sees_response = references.has_variable("response");
        let sees_request = references.has_variable("request");
        let late = sees_response || references.has_variable("vars");
        Ok(Self { text: text.to_owned(), late, sees_response, sees_request, program, _patterns: patterns })
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it can only be told once there is a response.
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// Whether it looks at the response.
    pub fn sees_response(&self) -> bool {
        self.sees_response
    }

    /// Whether it looks at the request, which may be the one that a response answers.
    pub fn sees_request(&self) -> bool {
        self.sees_request
    }

    /// Whether it holds for this message.
    ///
    /// # Errors
    /// It cannot be told, in words.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(facts);
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("it comes to {other:?}, not to true or false")),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> InvalidCondition {
    let Some(first) = errors.errors.first() else {
        return InvalidCondition { problem: "no CEL expression".to_owned(), offset: 0 };
    };
    let (line, column) = (first.pos.0.max(1) as usize, first.pos.1.max(1) as usize);
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let problem = match first.msg.lines().next().unwrap_or_default() {
        message if message.contains("Recursion limit") => "a condition is not nested so deeply".to_owned(),
        message => format!("no CEL expression: {message}"),
    };
    InvalidCondition { problem, offset: text.floor_char_boundary(before + column - 1) }
}
