//! The walk over a plan: what each column of each step is made of, from the tables up.

use std::collections::HashMap;

use datafusion::common::{DFSchema, TableReference};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Join, JoinType, LogicalPlan, RecursiveQuery, TableScan, Union, Unnest, Values,
};

use super::flow::{Blend, Flow, Influences, Input, Mark, Scope, mixed};
use super::{ColumnLineage, Influence, Lineage, Origin, OriginTable, Use};

/// A table that was met, with the columns it was seen to have.
#[derive(Debug)]
struct Table {
    name: OriginTable,
    columns: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Walk {
    tables: Vec<Table>,
    /// The recursive queries around, with what their rows are known to be made of so far.
    recursive: HashMap<TableReference, Vec<Flow>>,
    /// What decides about the rows of the query that is walked.
    pub(super) influences: Influences,
    /// Whether a limit stands right above the next step: only then does an order decide which rows there are.
    limited: bool,
}

pub(super) fn walked(plan: &LogicalPlan) -> Lineage {
    let mut walk = Walk::default();
    let flows = walk.step(plan, None);
    walk.named(plan.schema(), &flows)
}

impl Walk {
    fn named(&self, schema: &DFSchema, flows: &[Flow]) -> Lineage {
        let origin = |mark: &Mark| {
            let table = &self.tables[mark.table];
            Origin { table: table.name.clone(), column: table.columns[mark.column].clone() }
        };
        let columns = schema.fields().iter().zip(flows).map(|(field, flow)| ColumnLineage {
            column: field.name().clone(),
            origins: flow.values.iter().map(|(mark, how)| (origin(mark), *how)).collect(),
            // What it is made of matters for it anyway.
            influences: flow
                .influences
                .iter()
                .filter(|(_, mark)| !flow.values.contains_key(mark))
                .map(|(influence, mark)| (origin(mark), *influence))
                .collect(),
        });
        let mut lineage = Lineage { columns: columns.collect(), ..Lineage::default() };
        for (influence, mark) in &self.influences {
            lineage.influence(*influence).insert(origin(mark));
        }
        lineage
    }

    /// What the columns of a step's output are made of, in their order.
    pub(super) fn step(&mut self, plan: &LogicalPlan, outer: Option<&Scope<'_>>) -> Vec<Flow> {
        let limited = std::mem::take(&mut self.limited);
        match plan {
            LogicalPlan::Projection(step) => {
                self.limited = limited;
                self.above(&step.input, outer, |walk, scope| walk.values(&step.expr, scope)).1
            }
            LogicalPlan::Filter(step) => {
                self.above(&step.input, outer, |walk, scope| walk.note(Influence::Filter, [&step.predicate], scope)).0
            }
            LogicalPlan::Window(step) => {
                let above = self.above(&step.input, outer, |walk, scope| walk.values(&step.window_expr, scope));
                let (mut flows, windows) = above;
                flows.extend(windows);
                flows
            }
            LogicalPlan::Aggregate(step) => self.above(&step.input, outer, |walk, scope| walk.aggregate(step, scope)).1,
            LogicalPlan::Sort(step) => {
                let decides = limited || step.fetch.is_some();
                let keys = step.expr.iter().filter(|_| decides).map(|key| &key.expr);
                self.above(&step.input, outer, |walk, scope| walk.note(Influence::Order, keys, scope)).0
            }
            LogicalPlan::Join(step) => self.join(step, outer),
            LogicalPlan::Union(step) => self.union(step, outer),
            LogicalPlan::TableScan(step) => self.scan(step),
            LogicalPlan::SubqueryAlias(step) => match OriginTable::named(&step.alias) {
                // What a user calls a query is one word; of two it is a relation, with its plan in place of its rows.
                Some(table) => self.table(table, &step.schema),
                None => {
                    self.limited = limited;
                    self.step(&step.input, outer)
                }
            },
            LogicalPlan::Subquery(step) => {
                self.limited = limited;
                self.step(&step.subquery, outer)
            }
            LogicalPlan::Limit(step) => {
                self.limited = true;
                let bounds = step.skip.as_deref().into_iter().chain(step.fetch.as_deref());
                self.above(&step.input, outer, |walk, scope| walk.note(Influence::Filter, bounds, scope)).0
            }
            LogicalPlan::Distinct(Distinct::On(step)) => {
                let keys = step.sort_expr.iter().flatten().map(|key| &key.expr);
                let further = keys.filter(|key| !step.on_expr.contains(key));
                let above = self.above(&step.input, outer, |walk, scope| {
                    walk.note(Influence::Group, &step.on_expr, scope);
                    walk.note(Influence::Order, further, scope);
                    walk.values(&step.select_expr, scope)
                });
                above.1
            }
            LogicalPlan::Distinct(Distinct::All(input)) => self.step(input, outer),
            LogicalPlan::Repartition(step) => self.step(&step.input, outer),
            LogicalPlan::Values(step) => self.literals(step, outer),
            LogicalPlan::Unnest(step) => self.unnest(step, outer),
            LogicalPlan::RecursiveQuery(step) => self.recursion(step, outer),
            LogicalPlan::EmptyRelation(step) => vec![Flow::default(); step.schema.fields().len()],
            LogicalPlan::Extension(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::DescribeTable(_) => self.opaque(plan, outer),
        }
    }

    /// The columns of a step's only input, and what `work` makes of them.
    fn above<T>(
        &mut self,
        input: &LogicalPlan,
        outer: Option<&Scope<'_>>,
        work: impl FnOnce(&mut Self, &Scope<'_>) -> T,
    ) -> (Vec<Flow>, T) {
        let flows = self.step(input, outer);
        let made = work(self, &Scope { inputs: &[Input { schema: input.schema(), flows: &flows }], outer });
        (flows, made)
    }

    fn aggregate(&mut self, step: &Aggregate, scope: &Scope<'_>) -> Vec<Flow> {
        let keys = grouping_set_to_exprlist(&step.group_expr).unwrap_or_default();
        let mut flows: Vec<Flow> = keys.into_iter().map(|key| self.value(key, scope)).collect();
        self.influences.extend(flows.iter().flat_map(|flow| flow.deciding(Influence::Group)));
        let aggregates = self.values(&step.aggr_expr, scope);
        // Between them stands the number of the grouping set, where there are several; it is made of nothing.
        flows.resize(step.schema.fields().len().saturating_sub(aggregates.len()), Flow::default());
        flows.extend(aggregates);
        flows
    }

    fn join(&mut self, step: &Join, outer: Option<&Scope<'_>>) -> Vec<Flow> {
        let left = self.step(&step.left, outer);
        let left_side = Input { schema: step.left.schema(), flows: &left };
        // A lateral right side names columns of the left.
        let right = self.step(&step.right, Some(&Scope { inputs: &[left_side], outer }));
        let right_side = Input { schema: step.right.schema(), flows: &right };
        // Both sides may have an unqualified column of one name: a key is looked for on its own side first.
        let left_first = Scope { inputs: &[left_side, right_side], outer };
        let right_first = Scope { inputs: &[right_side, left_side], outer };
        let mut keys = Blend::default();
        for (left_key, right_key) in &step.on {
            self.blend(left_key, &left_first, Use::Transformed, &mut keys);
            self.blend(right_key, &right_first, Use::Transformed, &mut keys);
        }
        if let Some(condition) = &step.filter {
            self.blend(condition, &left_first, Use::Transformed, &mut keys);
        }
        self.influences.extend(keys.deciding(Influence::Join));
        let keys = keys.flow();
        match step.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                left.into_iter().chain(right).collect()
            }
            JoinType::LeftSemi | JoinType::LeftAnti => left,
            JoinType::RightSemi | JoinType::RightAnti => right,
            JoinType::LeftMark => left.into_iter().chain([keys]).collect(),
            JoinType::RightMark => right.into_iter().chain([keys]).collect(),
        }
    }

    /// Columns go together by their places, also `by name`: the planner has put them in order.
    fn union(&mut self, step: &Union, outer: Option<&Scope<'_>>) -> Vec<Flow> {
        let inputs: Vec<Vec<Flow>> = step.inputs.iter().map(|input| self.step(input, outer)).collect();
        let column = |at: usize| mixed(inputs.iter().filter_map(|flows| flows.get(at)), Use::Copied);
        (0..step.schema.fields().len()).map(column).collect()
    }

    fn scan(&mut self, step: &TableScan) -> Vec<Flow> {
        if let Some(rows) = self.recursive.get(&step.table_name) {
            return match &step.projection {
                Some(kept) => kept.iter().map(|at| rows.get(*at).cloned().unwrap_or_default()).collect(),
                None => rows.clone(),
            };
        }
        let Some(name) = OriginTable::named(&step.table_name) else {
            return vec![Flow::default(); step.projected_schema.fields().len()];
        };
        let flows = self.table(name.clone(), &step.projected_schema);
        let table = self.place(name);
        for column in step.filters.iter().flat_map(Expr::column_refs) {
            let mark = self.mark(table, usize::MAX, &column.name);
            self.influences.insert((Influence::Filter, mark));
        }
        flows
    }

    /// A table's columns, each made of itself.
    fn table(&mut self, name: OriginTable, schema: &DFSchema) -> Vec<Flow> {
        let table = self.place(name);
        if self.tables[table].columns.is_empty() {
            self.tables[table].columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        }
        let fields = schema.fields().iter().enumerate();
        fields.map(|(at, field)| Blend::copied(self.mark(table, at, field.name())).flow()).collect()
    }

    fn place(&mut self, name: OriginTable) -> usize {
        self.tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            self.tables.push(Table { name, columns: Vec::new() });
            self.tables.len() - 1
        })
    }

    /// The mark of a table's column, which most often stands at `near`.
    fn mark(&mut self, table: usize, near: usize, name: &str) -> Mark {
        let columns = &mut self.tables[table].columns;
        let column = match columns.get(near) {
            Some(known) if known == name => near,
            Some(_) | None => columns.iter().position(|known| known == name).unwrap_or_else(|| {
                columns.push(name.to_owned());
                columns.len() - 1
            }),
        };
        Mark { table, column }
    }

    fn literals(&mut self, step: &Values, outer: Option<&Scope<'_>>) -> Vec<Flow> {
        let scope = Scope { inputs: &[], outer };
        let mut blends: Vec<Blend> = step.schema.fields().iter().map(|_| Blend::default()).collect();
        for row in &step.values {
            for (blend, value) in blends.iter_mut().zip(row) {
                self.blend(value, &scope, Use::Copied, blend);
            }
        }
        blends.into_iter().map(Blend::flow).collect()
    }

    fn unnest(&mut self, step: &Unnest, outer: Option<&Scope<'_>>) -> Vec<Flow> {
        let flows = self.step(&step.input, outer);
        // A list has as many rows as values.
        let lists = step.list_type_columns.iter().filter_map(|(list, _)| flows.get(*list));
        self.influences.extend(lists.flat_map(|list| list.influences.iter().copied()));
        let is_unnested = |at: &usize| {
            step.list_type_columns.iter().any(|(list, _)| list == at) || step.struct_type_columns.contains(at)
        };
        let column = |at: &usize| match is_unnested(at) {
            true => mixed(flows.get(*at), Use::Transformed),
            false => flows.get(*at).cloned().unwrap_or_default(),
        };
        step.dependency_indices.iter().map(column).collect()
    }

    /// The rows of the first term, then what the second makes of them, until that is nothing new. It ends: there are
    /// only so many columns, and a use only grows stronger.
    fn recursion(&mut self, step: &RecursiveQuery, outer: Option<&Scope<'_>>) -> Vec<Flow> {
        // As the planner names the scan that stands for the rows so far.
        let name = TableReference::from(step.name.as_str());
        let mut flows = self.step(&step.static_term, outer);
        let hidden = self.recursive.remove(&name);
        loop {
            self.recursive.insert(name.clone(), flows.clone());
            let further = self.step(&step.recursive_term, outer);
            let pairs = flows.iter().zip(&further);
            let grown: Vec<Flow> = pairs.map(|(known, more)| mixed([known, more], Use::Copied)).collect();
            if grown == flows {
                break;
            }
            flows = grown;
        }
        match hidden {
            Some(rows) => self.recursive.insert(name, rows),
            None => self.recursive.remove(&name),
        };
        flows
    }

    /// A step nothing is known of: each of its columns may be made of all it reads.
    fn opaque(&mut self, plan: &LogicalPlan, outer: Option<&Scope<'_>>) -> Vec<Flow> {
        let all: Vec<Flow> = plan.inputs().into_iter().flat_map(|input| self.step(input, outer)).collect();
        vec![mixed(&all, Use::Transformed); plan.schema().fields().len()]
    }
}
