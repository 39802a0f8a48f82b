// The page: a tree and a search at the left, a node or the whole project at the right. What users wrote becomes text and
// attributes, never markup.

const DATA = JSON.parse(document.getElementById("data").textContent);
const NODES = DATA.nodes;
const BY_ID = new Map(NODES.map((node, place) => [node.id, place]));
const MAIN = document.getElementById("main");
const TREE = document.getElementById("tree");
const SEARCH = document.getElementById("search");
const KINDS = { source: "sources", seed: "seeds", exposure: "exposures" };

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const between = (items, mark) => items.flatMap((item, at) => (at === 0 ? [item] : [mark, item]));
const many = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const address = (place, column) =>
  "#" + encodeURIComponent(NODES[place].id) + (column === undefined ? "" : ":" + encodeURIComponent(column));
const nodeLink = (place) =>
  el("a", { href: address(place), style: `--hue: ${hue(NODES[place])}` }, el("span", { class: "dot" }), NODES[place].label);

function hue(node) {
  if (node.kind !== "model") return `var(--${node.kind})`;
  return `var(--layer${Math.max(0, DATA.layers.indexOf(node.group)) % 6})`;
}

function subtitle(node) {
  if (node.kind === "model") return `${node.group} · ${node.materialized}`;
  if (node.kind === "source") return `source ${node.group} · ${node.materialized}`;
  return node.kind === "exposure" ? node.materialized : node.kind;
}

// Paragraphs, with `code`.
function prose(text, empty) {
  if (!text) return empty ? el("p", { class: "none" }, empty) : null;
  const inline = (line) => line.split("`").map((part, at) => (at % 2 === 1 ? el("code", {}, part) : part));
  return text.split(/\n\s*\n/).map((paragraph) => el("p", {}, inline(paragraph)));
}

const TOKENS = new RegExp([/(--[^\n]*|\/\*[^]*?\*\/|\{#[^]*?#\})/, /(\{\{[^]*?\}\}|\{%[^]*?%\})/, /('(?:[^']|'')*')/, /(?:"(?:[^"]|"")*")/,
  /\b(\d+(?:\.\d+)?)\b/, /\b([a-z_]\w*)\b/].map((part) => part.source).join("|"), "gi");
const KEYWORDS = new Set(`all and any array as asc between by case cast cross desc distinct else end except exists extract false filter following
  for from full group having in inner intersect interval is join lateral left like limit not null nulls offset on or order outer
  over partition preceding qualify range recursive right row rows select struct then true unbounded union unnest using values
  when where window with within`.split(/\s+/));

function coloured(sql) {
  const parts = [];
  let end = 0;
  for (const found of sql.matchAll(TOKENS)) {
    const [text, comment, jinja, string, number, word] = found;
    const kind = comment ? "comment" : jinja ? "jinja" : string ? "string" : number ? "number"
      : word && KEYWORDS.has(word.toLowerCase()) ? "keyword" : null;
    if (!kind) continue;
    parts.push(sql.slice(end, found.index), el("span", { class: kind }, text));
    end = found.index + text.length;
  }
  return el("pre", { tabindex: "0" }, parts, sql.slice(end));
}

// A long name is broken after an underscore.
const breakable = (name) => name.split(/(?<=_)/).flatMap((part, at) => (at === 0 ? [part] : [el("wbr", {}), part]));

// -- the tree --------------------------------------------------------------------------------------------------------

const LINKS = new Map();

function branch(title, places, isOpen) {
  const folders = new Map();
  for (const place of places) {
    const node = NODES[place];
    const folder = node.kind === "source" ? node.group
      : node.kind === "model" ? node.path.split("/").slice(2, -1).join("/") : "";
    if (!folders.has(folder)) folders.set(folder, []);
    folders.get(folder).push(place);
  }
  const links = (some) => some.sort((one, other) => NODES[one].name.localeCompare(NODES[other].name)).map((place) => {
    const node = NODES[place];
    const link = el("a", { href: address(place), style: `--hue: ${hue(node)}`, title: node.label }, breakable(node.name));
    LINKS.set(place, link);
    return link;
  });
  const summary = (name, some) => el("summary", {}, name, " ", el("small", {}, some.length));
  const inner = [...folders].sort(([one], [other]) => one.localeCompare(other)).map(([folder, some]) =>
    folder === "" ? links(some) : el("details", { open: isOpen }, summary(folder, some), links(some)));
  return el("details", { open: isOpen }, summary(title, places), inner);
}

function tree() {
  const places = (wanted) => NODES.map((_, place) => place).filter((place) => wanted(NODES[place]));
  const groups = [["Sources", places((node) => node.kind === "source")], ["Seeds", places((node) => node.kind === "seed")],
    ...DATA.layers.map((layer) => [layer, places((node) => node.kind === "model" && node.group === layer)]),
    ["Exposures", places((node) => node.kind === "exposure")]];
  return groups.filter(([, some]) => some.length > 0).map(([title, some]) => branch(title, some, NODES.length <= 150));
}

// -- the search ------------------------------------------------------------------------------------------------------

// The best place a text is found in: a name counts most, then a column, then what is said.
function hit(node, wanted) {
  const name = node.name.toLowerCase();
  if (name.startsWith(wanted)) return { rank: 0 };
  if (name.includes(wanted) || node.label.toLowerCase().includes(wanted)) return { rank: 1 };
  const column = node.columns.find((column) => column.name.toLowerCase().includes(wanted));
  if (column) return { rank: 2, column: column.name, said: column.name };
  if (node.tags.some((tag) => tag.toLowerCase().includes(wanted))) return { rank: 3, said: `tag ${node.tags.join(", ")}` };
  const texts = [[node.description], ...node.columns.map((column) => [column.description, column.name])];
  const text = texts.find(([text]) => text.toLowerCase().includes(wanted));
  return text && { rank: 4, column: text[1], said: text[0] };
}

function marked(text, wanted) {
  const at = text.toLowerCase().indexOf(wanted);
  if (at < 0) return [text];
  const start = Math.max(0, at - 40);
  return [(start > 0 ? "…" : "") + text.slice(start, at), el("mark", {}, text.slice(at, at + wanted.length)),
    text.slice(at + wanted.length, at + 90)];
}

let whole = null;

function search() {
  const wanted = SEARCH.value.trim().toLowerCase();
  if (wanted === "") return TREE.replaceChildren(...whole);
  const found = NODES.map((node, place) => ({ place, ...hit(node, wanted) })).filter(({ rank }) => rank !== undefined);
  found.sort((one, other) => one.rank - other.rank || NODES[one.place].name.localeCompare(NODES[other.place].name));
  const links = found.slice(0, 100).map(({ place, column, said }) =>
    el("a", { class: "found", href: address(place, column), style: `--hue: ${hue(NODES[place])}` },
      marked(NODES[place].name, wanted), said && el("small", {}, marked(said, wanted))));
  const more = found.length === 0 ? "nothing found" : found.length > 100 ? `and ${many(found.length - 100, "node")} more` : null;
  TREE.replaceChildren(...links, more ? el("p", {}, more) : "");
}

function listen() {
  SEARCH.addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target === SEARCH;
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      SEARCH.select();
      SEARCH.focus();
    } else if (event.key === "Escape" && isTyping) {
      SEARCH.value = "";
      search();
      SEARCH.blur();
    } else if (event.key === "Enter" && isTyping) {
      TREE.querySelector("a.found")?.click();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key) && (isTyping || TREE.contains(event.target))) {
      const links = [...TREE.querySelectorAll("a")].filter((link) => link.offsetParent);
      const next = links[links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
      event.preventDefault();
      (next || SEARCH).focus();
    }
  });
}

// -- a node ----------------------------------------------------------------------------------------------------------

const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const lines = (entries) => entries.filter(([, value]) => value !== null && value !== undefined && value !== "")
  .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);

function facts(node) {
  const isLink = node.url && /^https?:/i.test(node.url);
  const owner = node.owner && Object.values(node.owner).filter((value) => value !== null).map(plain).join(", ");
  const own = [["owner", owner], ["maturity", node.maturity],
    ["url", isLink ? el("a", { href: node.url, rel: "noreferrer" }, node.url) : node.url],
    ["path", node.path && el("span", { class: "mono" }, node.path)], ["unique id", el("span", { class: "mono" }, node.id)]];
  const rest = [...Object.entries(node.config), ...Object.entries(node.meta || {}).map(([name, value]) => [`meta.${name}`, value])];
  return el("dl", {}, lines(own), lines(rest.map(([name, value]) => [name, el("span", { class: "mono" }, plain(value))])));
}

function testChip(test) {
  const list = (value) => (Array.isArray(value) ? value.map(plain).join(", ") : plain(value));
  const named = Object.entries(test.arguments).map(([name, value]) => `${name}: ${list(value)}`);
  const { values: allowed, columns, to, field } = test.arguments;
  const target = /^\s*(?:ref|source)\((.*)\)\s*$/.exec(to || "")?.[1].replace(/['"\s]/g, "").replace(",", ".");
  const values = target && field ? [`${target}.${field}`] : allowed || columns ? [list(allowed || columns)] : named;
  const warn = String(test.severity || "").toLowerCase() === "warn";
  const title = [test.name, ...named, test.where && `where ${test.where}`, warn && "a failure is a warning"].filter(Boolean).join("\n");
  return el("span", { class: `chip${warn ? " warn" : ""}`, title }, test.test, values.length > 0 && el("span", { class: "none" }, ` ${values.join(", ")}`));
}

function columnsTable(place, node, choose) {
  const rows = new Map();
  const body = node.columns.map((column) => {
    const tests = node.tests.filter((test) => test.column === column.name);
    const row = el("tr", { class: "column", onclick: () => choose(column.name) },
      el("td", { class: "name" }, el("button", { "aria-expanded": "false" }, column.name)),
      el("td", { class: "type" }, column.type || "?"),
      el("td", {}, prose(column.description, "–"), column.tags.map((tag) => el("span", { class: "chip" }, tag))),
      el("td", {}, tests.map(testChip)));
    rows.set(column.name, row);
    return row;
  });
  const head = ["column", "type", "description", "tests"].map((name) => el("th", { scope: "col" }, name));
  return { rows, table: el("div", { class: "frame" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body))) };
}

function graphSection(place) {
  const sizes = [1, 2, 3, Infinity].map((steps) => ({ steps, set: around(place, steps) }));
  const fitting = sizes.filter(({ set }) => set.size <= MOST);
  const section = { element: el("section", {}), graph: null, traced: null };
  const show = ({ steps, set }) => {
    section.graph = drawing(set, place);
    const buttons = sizes.filter((size, at) => at === 3 || size.set.size < sizes[3].set.size).map((size) =>
      el("button", { "aria-pressed": String(size.steps === steps), onclick: () => show(size) }, size.steps === Infinity ? "all" : size.steps));
    section.element.replaceChildren(
      el("h2", {}, "Graph", el("small", {}, many(set.size, "node")),
        buttons.length > 1 && el("span", { class: "tools" }, "steps away", buttons)),
      el("div", { class: "frame" }, section.graph.frame));
    if (section.traced) mark(section.graph, ...section.traced);
    fit(section.graph, place);
  };
  section.start = () => show(fitting[fitting.length - 1] || sizes[0]);
  return section;
}

function sqlSection(node) {
  if (node.template === undefined) return null;
  const area = el("div", { class: "frame" });
  const texts = [["compiled", node.compiled], ["template", node.template]];
  const buttons = texts.map(([name, text]) => el("button", { onclick: () => show(name, text) }, name));
  const show = (name, text) => {
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(texts[at][0] === name)));
    area.replaceChildren(text ? coloured(text) : el("pre", { class: "none" }, "not compiled: its template asks for what only a run knows"));
  };
  show(...(node.compiled ? texts[0] : texts[1]));
  return el("section", {}, el("h2", {}, "SQL", el("span", { class: "tools" }, buttons)), area);
}

function testsSection(node) {
  if (node.tests.length === 0) return null;
  const on = (test) => (test.of ? `by ${test.of}` : test.column || "the table");
  const row = (test) => el("tr", {}, el("td", { class: "name" }, on(test)), el("td", {}, testChip(test)),
    el("td", {}, prose(test.description), el("span", { class: "mono none" }, test.name)));
  const others = node.tests.filter((test) => !test.column);
  if (others.length === 0) return null;
  return el("section", {}, el("h2", {}, "Tests of the table", el("small", {}, others.length)),
    el("div", { class: "frame" }, el("table", {}, el("tbody", {}, others.map(row)))));
}

function neighbours(title, places, empty) {
  return el("section", {}, el("h2", {}, title, el("small", {}, places.length)),
    places.length === 0 ? el("p", { class: "none" }, empty)
      : el("ul", { class: "list" }, places.map((place) => el("li", {}, nodeLink(place), " ", el("span", { class: "none" }, NODES[place].kind === "model" ? NODES[place].materialized : NODES[place].kind)))));
}

function showNode(place, wanted) {
  const node = NODES[place];
  const graph = graphSection(place);
  let chosen = null;
  const choose = (column) => {
    const last = chosen && columns.rows.get(chosen);
    last?.classList.remove("chosen");
    last?.nextElementSibling?.remove();
    last?.querySelector("button").setAttribute("aria-expanded", "false");
    chosen = column === chosen || !columns.rows.has(column) ? null : column;
    history.replaceState(null, "", chosen === null ? address(place) : address(place, chosen));
    graph.traced = chosen === null ? null : [trace(place, chosen), place, chosen];
    mark(graph.graph, ...(graph.traced || [null, place, ""]));
    if (chosen === null) return;
    const row = columns.rows.get(chosen);
    row.classList.add("chosen");
    row.querySelector("button").setAttribute("aria-expanded", "true");
    row.after(el("tr", { class: "traced" }, el("td", { colspan: "4" }, tracePanel(place, chosen))));
  };
  const columns = columnsTable(place, node, choose);
  const tags = node.tags.map((tag) => el("span", { class: "chip" }, `#${tag}`));
  MAIN.replaceChildren(
    el("div", { class: "above" }, node.kind === "model" || node.kind === "seed" ? node.label : `${node.kind} ${node.label}`),
    el("h1", { class: node.title ? "plain" : null }, node.title || breakable(node.name)),
    el("div", { class: "chips", style: `--hue: ${hue(node)}` }, el("span", { class: "chip kind" }, node.kind === "model" ? node.group : node.kind),
      node.materialized && el("span", { class: "chip" }, node.materialized), tags),
    el("div", { class: "prose" }, prose(node.description, "Nobody has described it yet."), node.about_source && el("p", { class: "none" }, `Source ${node.group}: ${node.about_source}`)),
    facts(node), graph.element,
    node.columns.length > 0 || node.kind !== "exposure" ? el("section", {}, el("h2", {}, "Columns", el("small", {}, node.columns.length),
      el("span", { class: "tools" }, node.columns.length > 0 && "choose one to see where it comes from and goes to")),
    node.rows?.length > 0 && el("div", { class: "prose rowline" }, el("span", { class: "above" }, "Which rows it has:"), rowsLines(node)), node.columns.length > 0 ? columns.table : el("p", { class: "none" }, "Its columns are not known without running it.")) : "",
    testsSection(node) || "",
    el("div", { class: "two" }, node.kind === "source" || node.kind === "seed" ? "" : neighbours("Reads", node.parents, "nothing"),
      node.kind === "exposure" ? "" : neighbours("Read by", node.children, "nothing")),
    sqlSection(node) || "", footer());
  document.title = `${node.name} · ${DATA.project}`;
  graph.start();
  if (wanted !== undefined) {
    choose(wanted);
    columns.rows.get(wanted)?.scrollIntoView({ block: "center" });
  }
}

// -- the project -----------------------------------------------------------------------------------------------------

function showProject() {
  const models = NODES.filter((node) => node.kind === "model");
  const card = (colour, number, name) => number > 0 && el("div", { class: "card", style: `--hue: ${colour}` }, el("b", {}, number.toLocaleString("en")), name);
  const tests = new Set(NODES.flatMap((node) => node.tests.map((test) => test.name)));
  const columns = models.flatMap((node) => node.columns);
  const said = (some) => some.filter((each) => each.description !== "").length;
  const exposures = NODES.map((_, place) => place).filter((place) => NODES[place].kind === "exposure");
  const isSmall = NODES.length <= MOST && NODES.length > 0;
  const graph = isSmall ? drawing(new Set(NODES.keys()), null) : null;
  MAIN.replaceChildren(
    el("h1", { class: "plain" }, DATA.project),
    el("div", { class: "above" }, `${said(models)} of ${many(models.length, "model")} and ${said(columns)} of their ${many(columns.length, "column")} are described`),
    el("div", { class: "cards" },
      Object.entries(KINDS).filter(([kind]) => kind !== "exposure").map(([kind, name]) =>
        card(`var(--${kind})`, NODES.filter((node) => node.kind === kind).length, kind === "source" ? "source tables" : name)),
      DATA.layers.map((layer, at) => card(`var(--layer${at % 6})`, models.filter((node) => node.group === layer).length, layer)),
      card("var(--exposure)", exposures.length, "exposures"), card("var(--strong)", tests.size, "data tests")),
    graph ? el("section", {}, el("h2", {}, "Graph"), el("div", { class: "frame" }, graph.frame)) : "",
    exposures.length > 0 ? el("section", {}, el("h2", {}, "Exposures"), el("div", { class: "frame" }, el("table", {}, el("tbody", {},
      exposures.map((place) => el("tr", {}, el("td", { class: "name" }, nodeLink(place)), el("td", { class: "type" }, NODES[place].materialized),
        el("td", {}, prose(NODES[place].description, "–")))))))) : "",
    footer());
  document.title = DATA.project;
  if (graph) fit(graph, null);
}

const footer = () => el("footer", {}, `${DATA.project} on target ${DATA.target}, written ${DATA.generated_at.replace("T", " ").replace("Z", " UTC")} by engine ${DATA.engine}`);

function show() {
  const [id, column] = location.hash.slice(1).split(":").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  const place = BY_ID.get(id);
  for (const link of TREE.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  window.scrollTo(0, 0);
  if (place === undefined) {
    showProject();
    if (id) MAIN.prepend(el("p", { class: "none" }, `Nothing in this project is called ${id}.`));
    return;
  }
  const link = LINKS.get(place);
  link.setAttribute("aria-current", "page");
  for (let folder = link.closest("details"); folder; folder = folder.parentElement.closest("details")) folder.open = true;
  link.scrollIntoView({ block: "nearest" });
  showNode(place, column);
}

document.getElementById("home").textContent = DATA.project;
whole = tree();
TREE.append(...whole);
listen();
window.addEventListener("hashchange", show);
show();
