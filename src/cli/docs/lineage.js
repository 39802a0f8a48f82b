// Where columns come from and go to. A step is [node, column, how]; `how` says whether values are copied, transformed or
// aggregated, or whether a column filters, joins, groups, windows or orders: of a column what goes into it, else the rows.

const INFLUENCES = { filter: "filtered by", join: "joined on", group: "grouped by", window: "windowed by", order: "ordered by" };
const DECIDES = { filter: "filters", join: "joins", group: "groups", window: "keys a window of", order: "orders" };
const STRENGTH = ["copied", "transformed", "aggregated", ...Object.keys(INFLUENCES)];
const key = (node, column) => node + "\n" + column;
const stronger = (one, other) => (STRENGTH.indexOf(one) > STRENGTH.indexOf(other) ? one : other);

let readersOf = null;

// Who reads a column: [node, column made of it or null, how].
function readers(node, column) {
  if (!readersOf) {
    readersOf = new Map();
    const add = ([from, name], reader) => {
      if (from === null) return;
      const at = key(from, name);
      if (!readersOf.has(at)) readersOf.set(at, []);
      readersOf.get(at).push(reader);
    };
    NODES.forEach((reader, place) => {
      for (const [made, origins] of Object.entries(reader.lineage || {}))
        for (const origin of origins) add(origin, [place, made, origin[2]]);
      for (const origin of reader.rows || []) add(origin, [place, null, origin[2]]);
    });
  }
  return readersOf.get(key(node, column)) || [];
}

function origins(node, column) {
  const lineage = NODES[node].lineage;
  return (lineage && Object.hasOwn(lineage, column) && lineage[column]) || [];
}

// All that lies behind a column, depth first: {node, column, how, deep}. What was told is not told again.
function follow(next, node, column) {
  const told = new Set([key(node, column)]);
  const steps = [];
  const walk = (node, column, sofar, deep) => {
    for (const [to, name, how] of next(node, column)) {
      if (name === null) continue;
      const at = key(to, name);
      if (told.has(at)) continue;
      told.add(at);
      const all = stronger(sofar, how);
      steps.push({ node: to, column: name, how: all, deep });
      if (to !== null) walk(to, name, all, deep + 1);
    }
  };
  walk(node, column, "copied", 0);
  return steps;
}

// A column's whole lineage, and the models whose rows it, or what is made of it, decides about.
function trace(node, column) {
  const up = follow(origins, node, column);
  const down = follow(readers, node, column);
  const rows = [];
  for (const step of [{ node, column }, ...down])
    for (const [reader, made, how] of readers(step.node, step.column))
      if (made === null) rows.push({ node: reader, by: step, how });
  return { up, down, rows };
}

function columnLink(node, column) {
  if (node === null) return el("span", { class: "mono none" }, column);
  return el("a", { href: address(node, column) }, NODES[node].label + "." + column);
}

// Steps by their nodes, the nearest first: what is further away stands further in. `words` are those for what decides.
function grouped(steps, words) {
  const chip = (how) => el("span", { class: `chip ${words[how] ? "rows" : how}` }, words[how] || how);
  const groups = new Map();
  for (const step of [...steps].sort((one, other) => one.deep - other.deep)) {
    if (!groups.has(step.node)) groups.set(step.node, []);
    groups.get(step.node).push(step);
  }
  return [...groups].map(([node, some]) =>
    el("div", { class: "step", style: `--deep: ${Math.min(8, some[0].deep)}` }, node !== null && nodeLink(node),
      some.map((step) => el("div", { class: "made" }, node === null ? step.column
        : el("a", { href: address(node, step.column) }, step.column), chip(step.how)))));
}

// The panel below a chosen column.
function tracePanel(node, column) {
  const { up, down, rows } = trace(node, column);
  const steps = (title, all, words, empty) =>
    el("section", {}, el("h3", {}, title), all.length === 0 ? el("span", { class: "none" }, empty) : grouped(all, words));
  const kind = NODES[node].kind;
  const outside = kind === "source" || kind === "seed";
  const told = new Set();
  const isNew = (row) => !told.has(`${row.node} ${row.how}`) && told.add(`${row.node} ${row.how}`);
  const decided = rows.filter(isNew).map((row) => el("div", { class: "step" }, el("span", { class: "chip rows" }, DECIDES[row.how]),
    "the rows of ", nodeLink(row.node), row.by.node !== node && el("span", { class: "none" }, " as ", NODES[row.by.node].name, ".", row.by.column)));
  return el("div", { class: "trace" },
    steps("Made of", up, INFLUENCES, outside ? "comes from outside" : NODES[node].lineage ? "made of no column" : "not known without running it"),
    steps("What is made of it", down, DECIDES, "nothing"),
    decided.length > 0 && el("section", {}, el("h3", {}, "What it decides about"), decided));
}

// What decides which rows a model has, a line for each way; a long one is folded.
function rowsLines(node) {
  const groups = new Map();
  for (const [from, column, how] of node.rows || []) {
    if (!groups.has(how)) groups.set(how, new Map());
    const tables = groups.get(how);
    if (!tables.has(from)) tables.set(from, []);
    tables.get(from).push(column);
  }
  return [...groups].map(([how, tables]) => {
    const chip = el("span", { class: "chip rows" }, INFLUENCES[how]);
    const number = [...tables.values()].flat().length;
    const told = [...tables].map(([from, columns]) => (from === null ? columns.join(", ") : [nodeLink(from), " ",
      ...between(columns.map((column) => el("a", { class: "soft", href: address(from, column) }, column)), ", ")]));
    if (number <= 6) return el("p", { class: "decides" }, chip, ...between(told, "; "));
    return el("details", { class: "decides" }, el("summary", {}, chip, `${many(number, "column")} of ${many(tables.size, "table")}`),
      told.map((line) => el("div", {}, line)));
  });
}
