//! Walks the tree of a parsed template, so each reader of it says only what it looks for.

use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, CallBlock, EmitRaw, Expr, Macro, Spanned, Stmt};

/// What a reader of the tree is told, in the order of the text.
pub(super) trait Visit<'a> {
    /// Before the parts of an expression; calls come by [`Visit::call`].
    fn enter(&mut self, _expr: &Expr<'a>) {}
    /// After its parts.
    fn leave(&mut self, _expr: &Expr<'a>) {}
    /// A call, before its callee and arguments.
    fn call(&mut self, _call: &Call<'a>, _span: Span) {}
    /// A name that gets a value here: `set`, `for`, a parameter.
    fn assigned(&mut self, _name: &'a str) {}
    /// Text outside of braces.
    fn text(&mut self, _text: &Spanned<EmitRaw<'a>>) {}
    /// An expression in double braces, before its parts.
    fn printed(&mut self, _expr: &Expr<'a>, _span: Span) {}
    /// An expression whose value gets a name or is gone through, before its parts.
    fn value(&mut self, _expr: &Expr<'a>) {}
    /// A call with a body.
    fn call_block(&mut self, _block: &Spanned<CallBlock<'a>>) {}
    /// A call that prints nothing.
    fn done(&mut self, _call: &Call<'a>) {}
}

pub(super) fn statement<'a>(node: &Stmt<'a>, visit: &mut impl Visit<'a>) {
    match node {
        Stmt::Template(template) => statements(&template.children, visit),
        Stmt::EmitExpr(emit) => {
            visit.printed(&emit.expr, emit.span());
            expression(&emit.expr, visit);
        }
        Stmt::EmitRaw(raw) => visit.text(raw),
        Stmt::Continue(_) | Stmt::Break(_) => {}
        Stmt::ForLoop(node) => {
            target(&node.target, visit);
            visit.value(&node.iter);
            expression(&node.iter, visit);
            optional(node.filter_expr.as_ref(), visit);
            statements(&node.body, visit);
            statements(&node.else_body, visit);
        }
        Stmt::IfCond(node) => {
            expression(&node.expr, visit);
            statements(&node.true_body, visit);
            statements(&node.false_body, visit);
        }
        Stmt::WithBlock(node) => {
            for (name, value) in &node.assignments {
                target(name, visit);
                visit.value(value);
                expression(value, visit);
            }
            statements(&node.body, visit);
        }
        Stmt::Set(node) => {
            target(&node.target, visit);
            visit.value(&node.expr);
            expression(&node.expr, visit);
        }
        Stmt::SetBlock(node) => {
            target(&node.target, visit);
            optional(node.filter.as_ref(), visit);
            statements(&node.body, visit);
        }
        Stmt::AutoEscape(node) => {
            expression(&node.enabled, visit);
            statements(&node.body, visit);
        }
        Stmt::FilterBlock(node) => {
            expression(&node.filter, visit);
            statements(&node.body, visit);
        }
        Stmt::Block(node) => statements(&node.body, visit),
        Stmt::Import(node) => {
            expression(&node.expr, visit);
            target(&node.name, visit);
        }
        Stmt::FromImport(node) => {
            expression(&node.expr, visit);
            for (name, alias) in &node.names {
                target(alias.as_ref().unwrap_or(name), visit);
            }
        }
        Stmt::Extends(node) => expression(&node.name, visit),
        Stmt::Include(node) => expression(&node.name, visit),
        Stmt::Macro(node) => {
            visit.assigned(node.name);
            declaration(node, visit);
        }
        Stmt::CallBlock(node) => {
            visit.call_block(node);
            called(&node.call, visit);
            declaration(&node.macro_decl, visit);
        }
        Stmt::Do(node) => {
            visit.done(&node.call);
            called(&node.call, visit);
        }
    }
}

fn statements<'a>(nodes: &[Stmt<'a>], visit: &mut impl Visit<'a>) {
    for node in nodes {
        statement(node, visit);
    }
}

fn declaration<'a>(node: &Macro<'a>, visit: &mut impl Visit<'a>) {
    for name in &node.args {
        target(name, visit);
    }
    for default in &node.defaults {
        expression(default, visit);
    }
    statements(&node.body, visit);
}

/// Assignment targets: names, tuples of names, `namespace.attribute`.
fn target<'a>(node: &Expr<'a>, visit: &mut impl Visit<'a>) {
    match node {
        Expr::Var(name) => visit.assigned(name.id),
        Expr::List(items) => items.items.iter().for_each(|item| target(item, visit)),
        Expr::Tuple(items) => items.items.iter().for_each(|item| target(item, visit)),
        _ => {}
    }
}

fn optional<'a>(node: Option<&Expr<'a>>, visit: &mut impl Visit<'a>) {
    if let Some(node) = node {
        expression(node, visit);
    }
}

pub(super) fn expression<'a>(node: &Expr<'a>, visit: &mut impl Visit<'a>) {
    if let Expr::Call(call) = node {
        return called(call, visit);
    }
    visit.enter(node);
    match node {
        Expr::Var(_) | Expr::Const(_) | Expr::Call(_) => {}
        Expr::Slice(slice) => {
            expression(&slice.expr, visit);
            optional(slice.start.as_ref(), visit);
            optional(slice.stop.as_ref(), visit);
            optional(slice.step.as_ref(), visit);
        }
        Expr::UnaryOp(operation) => expression(&operation.expr, visit),
        Expr::BinOp(operation) => {
            expression(&operation.left, visit);
            expression(&operation.right, visit);
        }
        Expr::Compare(compare) => {
            expression(&compare.expr, visit);
            compare.ops.iter().for_each(|operation| expression(&operation.expr, visit));
        }
        Expr::IfExpr(choice) => {
            expression(&choice.true_expr, visit);
            expression(&choice.test_expr, visit);
            optional(choice.false_expr.as_ref(), visit);
        }
        Expr::Filter(filter) => {
            optional(filter.expr.as_ref(), visit);
            arguments(&filter.args, visit);
        }
        Expr::Test(test) => {
            expression(&test.expr, visit);
            arguments(&test.args, visit);
        }
        Expr::GetAttr(access) => expression(&access.expr, visit),
        Expr::GetItem(access) => {
            expression(&access.expr, visit);
            expression(&access.subscript_expr, visit);
        }
        Expr::List(list) => list.items.iter().for_each(|item| expression(item, visit)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| expression(item, visit)),
        Expr::Map(map) => {
            for (key, value) in map.keys.iter().zip(&map.values) {
                expression(key, visit);
                expression(value, visit);
            }
        }
    }
    visit.leave(node);
}

fn called<'a>(call: &Spanned<Call<'a>>, visit: &mut impl Visit<'a>) {
    visit.call(call, call.span());
    expression(&call.expr, visit);
    arguments(&call.args, visit);
}

fn arguments<'a>(nodes: &[CallArg<'a>], visit: &mut impl Visit<'a>) {
    for node in nodes {
        match node {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                expression(value, visit);
            }
        }
    }
}

/// Where an expression begins; the tree's own span of `a.b.c` begins at its last part.
pub(super) fn start(node: &Expr<'_>) -> usize {
    match node {
        Expr::GetAttr(access) => start(&access.expr),
        Expr::GetItem(access) => start(&access.expr),
        Expr::Call(call) => start(&call.expr),
        Expr::Slice(slice) => start(&slice.expr),
        Expr::Filter(filter) => filter.expr.as_ref().map_or(filter.span().start_offset as usize, start),
        Expr::Test(test) => start(&test.expr),
        _ => node.span().start_offset as usize,
    }
}
