//! `opes check --explain`: which rules would match a message, and why.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use opes_processor::rules::{
    Facts, OnFailure, Place, Point, RequestFacts, ResponseFacts, Rule, Rules, Run, Variables,
};

use crate::cli::CommandError;
use crate::config;

/// A message to explain.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Say which rules would match this request and its response, and why
    #[arg(long, value_name = "'METHOD URI'")]
    explain: Option<String>,
    /// A field of that request; may be repeated
    #[arg(long = "header", value_name = "'NAME: VALUE'", requires = "explain")]
    headers: Vec<String>,
    /// The address that the request comes from
    #[arg(long, value_name = "ADDRESS", requires = "explain")]
    client: Option<String>,
    /// The status of its response
    #[arg(long, value_name = "CODE", requires = "explain")]
    status: Option<StatusCode>,
    /// A field of its response; may be repeated
    #[arg(long = "response-header", value_name = "'NAME: VALUE'", requires = "explain")]
    response_headers: Vec<String>,
    /// A variable that a service has set before; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", requires = "explain")]
    variables: Vec<String>,
}

/// The message that the arguments describe.
struct Example {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    client: Option<String>,
    status: Option<StatusCode>,
    answer: HeaderMap,
    variables: Variables,
}

impl ExplainArgs {
    /// The explanation, where one is wanted.
    ///
    /// # Errors
    /// The message is none, or the file is no good configuration of a proxy or a gateway.
    pub(crate) fn explanation(&self, file: &Path) -> Result<Option<String>, CommandError> {
        let Some(line) = &self.explain else { return Ok(None) };
        let example = self.example(line).map_err(CommandError::Input)?;
        Ok(Some(explain(&config::rules(file)?, &example)))
    }

    fn example(&self, line: &str) -> Result<Example, String> {
        let (method, uri) = line.trim().split_once(' ').unwrap_or_else(|| ("GET", line.trim()));
        let variables = self.variables.iter().map(|variable| {
            let split =
                variable.split_once('=').ok_or_else(|| format!("--var {variable:?}: expected NAME=VALUE"));
            split.map(|(name, value)| (name.to_owned(), value.to_owned()))
        });
        let uri: Uri =
            uri.trim().parse().map_err(|error| format!("--explain: {uri:?} is no URI: {error}"))?;
        let mut headers = fields("--header", &self.headers)?;
        // As a client would say it.
        if let (false, Some(authority)) = (headers.contains_key(HOST), uri.authority()) {
            headers
                .insert(HOST, HeaderValue::from_str(authority.as_str()).map_err(|error| error.to_string())?);
        }
        Ok(Example {
            method: method.parse().map_err(|_| format!("--explain: {method:?} is no method"))?,
            uri,
            headers,
            client: self.client.clone(),
            status: self.status,
            answer: fields("--response-header", &self.response_headers)?,
            variables: variables.collect::<Result<_, _>>()?,
        })
    }
}

fn fields(option: &str, lines: &[String]) -> Result<HeaderMap, String> {
    let mut fields = HeaderMap::new();
    for line in lines {
        let field = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) = field.ok_or_else(|| format!("{option} {line:?}: expected NAME: VALUE"))?;
        fields.append(name, value);
    }
    Ok(fields)
}

/// A request without Content-Length has no body; of a response nobody knows.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn explain(rules: &Rules, example: &Example) -> String {
    let request = RequestFacts {
        method: &example.method,
        uri: &example.uri,
        secure: false,
        headers: &example.headers,
        length: length(&example.headers).or(Some(0)),
    };
    let status = example.status.unwrap_or_default();
    let response = ResponseFacts { status, headers: &example.answer, length: length(&example.answer) };
    let known = example.status.is_some() || !example.answer.is_empty();
    let mut text = String::new();
    for point in Point::ALL {
        let of_response = Point::RESPONSE.contains(&point);
        let facts = Facts {
            request,
            response: of_response.then_some(response),
            client: example.client.as_deref(),
            variables: &example.variables,
        };
        let _ = writeln!(text, "{point}");
        explain_point(&mut text, rules, point, &facts, known || !of_response);
    }
    text
}

fn explain_point(text: &mut String, rules: &Rules, point: Point, facts: &Facts<'_>, known: bool) {
    let mut decided = false;
    let mut empty = true;
    for (rule, matches) in rules.explain(point, facts) {
        empty = false;
        let depends = !known && rule.condition.as_ref().is_some_and(|condition| condition.sees_response());
        let verdict = match matches {
            _ if decided => "not reached".to_owned(),
            _ if depends => "depends on the response: say --status and --response-header".to_owned(),
            Ok(true) => "matches".to_owned(),
            Ok(false) => "does not match".to_owned(),
            Err(ref reason) if rule.on_failure == OnFailure::Fail => format!("fails the message: {reason}"),
            Err(ref reason) => format!("cannot be told, and the message goes on as it is: {reason}"),
        };
        let condition = rule.condition.as_ref().map_or("always", |condition| condition.text());
        let _ = writeln!(text, "  rule {}: {verdict}\n    when {condition}", rule.name);
        if !decided && !depends && !matches!(matches, Ok(false)) {
            decided = true;
            explain_runs(text, rule);
        }
    }
    if empty {
        let _ = writeln!(text, "  no rules");
    }
}

fn explain_runs(text: &mut String, rule: &Rule) {
    for Run { place, services, on_failure, parameters, .. } in &rule.runs {
        let place = match place {
            Place::Callout(client) => format!("at {}", client.address()),
            Place::Here(_) => "in this process".to_owned(),
        };
        let policy = if *on_failure == OnFailure::Pass { "pass" } else { "fail" };
        let _ = writeln!(text, "    {} {place}, on_failure = {policy:?}", services.join(", "));
        for (name, value) in parameters.iter() {
            let _ = writeln!(text, "      {name} = {value:?}");
        }
    }
}
