//! Regular expressions of conditions: compiled once, when the condition is.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::common::types::{CelBool, CelString};
use cel::{Env, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::check::Wrong;

/// The most octets that one of them takes when it is compiled.
const COMPILED: usize = 1 << 20;

/// Those of all conditions that there are, which keep them. A configuration names them, so that they are few.
static KNOWN: LazyLock<RwLock<HashMap<String, Weak<Regex>>>> = LazyLock::new(RwLock::default);

/// What conditions can call.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib().with_optional_support(false);
    let declared = environment
        .add_extension(cel::extensions::strings)
        .and_then(|()| cel::add_member_overload!(environment, fn matches: (CelString<'_>, CelString<'_>) -> Result<CelBool>));
    if let Err(error) = declared {
        tracing::error!(%error, "conditions lack functions");
    }
    Arc::new(environment)
});

/// Compiles the patterns of an expression, which [`matches`] finds as long as somebody has them.
///
/// # Errors
/// One is no regular expression, too large, or not a literal.
pub(super) fn compile(expression: &IdedExpr) -> Result<Vec<Arc<Regex>>, Wrong> {
    let mut patterns = Vec::new();
    collect(expression, &mut patterns).map(|()| patterns)
}

fn collect(expression: &IdedExpr, into: &mut Vec<Arc<Regex>>) -> Result<(), Wrong> {
    if let Expr::Call(call) = &expression.expr
        && call.func_name == "matches"
    {
        into.push(pattern(expression, call)?);
    }
    let mut collect = |part: &IdedExpr| collect(part, into);
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).try_for_each(collect),
        Expr::Comprehension(parts) => {
            [&parts.iter_range, &parts.accu_init, &parts.loop_cond, &parts.loop_step, &parts.result]
                .into_iter()
                .try_for_each(collect)
        }
        Expr::List(list) => list.elements.iter().try_for_each(collect),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => collect(&entry.key).and_then(|()| collect(&entry.value)),
            EntryExpr::StructField(field) => collect(&field.value),
        }),
        Expr::Select(select) => collect(&select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Ok(()),
    }
}

fn pattern(at: &IdedExpr, call: &CallExpr) -> Result<Arc<Regex>, Wrong> {
    let wrong = |problem: String| Err(Wrong { id: at.id, problem });
    let Some(Expr::Literal(LiteralValue::String(pattern))) = call.args.first().map(|argument| &argument.expr)
    else {
        return wrong("matches takes a pattern that is written out as a string".to_owned());
    };
    if let Some(regex) = find(pattern.inner()) {
        return Ok(regex);
    }
    match RegexBuilder::new(pattern.inner()).size_limit(COMPILED).build() {
        Ok(regex) => Ok(keep(pattern.inner(), regex)),
        Err(error) => {
            let problem = error.to_string();
            let last = problem.lines().last().unwrap_or_default().trim_start_matches("error: ");
            wrong(format!("{:?} is no regular expression: {last}", pattern.inner()))
        }
    }
}

/// Makes a pattern known, unless somebody else has done so meanwhile; forgets those that nobody has any more.
fn keep(pattern: &str, regex: Regex) -> Arc<Regex> {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.get(pattern).and_then(Weak::upgrade) {
        return regex;
    }
    let regex = Arc::new(regex);
    known.retain(|_, kept| kept.strong_count() > 0);
    known.insert(pattern.to_owned(), Arc::downgrade(&regex));
    regex
}

fn find(pattern: &str) -> Option<Arc<Regex>> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(pattern)?.upgrade()
}

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let regex = find(pattern.inner())
        .ok_or_else(|| ExecutionError::function_error("matches", "an unknown pattern"))?;
    Ok(CelBool::from(regex.is_match(text.inner())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Condition, Point};

    fn is_known(pattern: &str) -> bool {
        KNOWN.read().unwrap().get(pattern).is_some_and(|kept| kept.strong_count() > 0)
    }

    /// Whoever reloads a configuration again and again gets others again and again.
    #[test]
    fn patterns_go_with_the_last_condition_that_has_them() {
        let condition = |pattern: &str| {
            Condition::new(&format!("request.path.matches('{pattern}')"), Point::RequestIn).unwrap()
        };
        let (one, same) = (condition("^/gone/with/it$"), condition("^/gone/with/it$"));
        drop(one);
        assert!(is_known("^/gone/with/it$"));
        drop(same);
        assert!(!is_known("^/gone/with/it$"));
        let _other = condition("^/another$");
        assert!(!KNOWN.read().unwrap().contains_key("^/gone/with/it$"), "not even its text");
        let refused = "request.path.matches('^/refused$') && request.path.matches('(')";
        assert!(Condition::new(refused, Point::RequestIn).is_err());
        assert!(!is_known("^/refused$"));
    }
}
