//! Regular expressions of conditions: compiled once, when the condition is.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::common::types::{CelBool, CelString};
use cel::{Env, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::check::Wrong;

/// The most octets that one of them takes when it is compiled.
const COMPILED: usize = 1 << 20;

/// Those of all conditions so far. A configuration names them, so that they are few.
static KNOWN: LazyLock<RwLock<HashMap<String, Arc<Regex>>>> = LazyLock::new(RwLock::default);

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

/// Compiles the patterns of an expression.
///
/// # Errors
/// One is no regular expression, too large, or not a literal.
pub(super) fn compile(expression: &IdedExpr) -> Result<(), Wrong> {
    match &expression.expr {
        Expr::Call(call) => {
            if call.func_name == "matches" {
                pattern(expression, call)?;
            }
            call.target.iter().map(AsRef::as_ref).chain(&call.args).try_for_each(compile)
        }
        Expr::Comprehension(parts) => {
            [&parts.iter_range, &parts.accu_init, &parts.loop_cond, &parts.loop_step, &parts.result]
                .into_iter()
                .try_for_each(compile)
        }
        Expr::List(list) => list.elements.iter().try_for_each(compile),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => compile(&entry.key).and_then(|()| compile(&entry.value)),
            EntryExpr::StructField(field) => compile(&field.value),
        }),
        Expr::Select(select) => compile(&select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Ok(()),
    }
}

fn pattern(at: &IdedExpr, call: &CallExpr) -> Result<(), Wrong> {
    let wrong = |problem: String| Err(Wrong { id: at.id, problem });
    let Some(Expr::Literal(LiteralValue::String(pattern))) = call.args.first().map(|argument| &argument.expr)
    else {
        return wrong("matches takes a pattern that is written out as a string".to_owned());
    };
    match RegexBuilder::new(pattern.inner()).size_limit(COMPILED).build() {
        Ok(regex) => {
            let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(pattern.inner().to_owned(), Arc::new(regex));
            Ok(())
        }
        Err(error) => {
            let problem = error.to_string();
            let last = problem.lines().last().unwrap_or_default().trim_start_matches("error: ");
            wrong(format!("{:?} is no regular expression: {last}", pattern.inner()))
        }
    }
}

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(pattern.inner()).cloned();
    let regex = known.ok_or_else(|| ExecutionError::function_error("matches", "an unknown pattern"))?;
    Ok(CelBool::from(regex.is_match(text.inner())))
}
