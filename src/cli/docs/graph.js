// A part of the graph as a drawing: left to right by depth, each edge led through the ranks it crosses.

const SVG = "http://www.w3.org/2000/svg";
const MOST = 120;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// All above and all below a node, at most so many steps away.
function around(center, steps) {
  const found = new Set([center]);
  for (const side of ["parents", "children"]) {
    let border = [center];
    for (let step = 0; step < steps && border.length > 0; step += 1) {
      const next = [];
      for (const at of border) for (const other of NODES[at][side]) if (!found.has(other)) { found.add(other); next.push(other); }
      border = next;
    }
  }
  return found;
}

// Ranks of {node} and of {edge}s that pass through.
function ranked(nodes) {
  const rank = new Map();
  for (const at of nodes) rank.set(at, Math.max(-1, ...NODES[at].parents.filter((up) => rank.has(up)).map((up) => rank.get(up))) + 1);
  // What reads nothing stands next to the first that reads it.
  for (const at of [...nodes].reverse()) {
    const below = NODES[at].children.filter((down) => rank.has(down)).map((down) => rank.get(down));
    const isRoot = !NODES[at].parents.some((up) => rank.has(up));
    if (isRoot && below.length > 0) rank.set(at, Math.min(...below) - 1);
  }
  const ranks = [];
  const put = (depth, item) => { (ranks[depth] ||= []).push(item); return item; };
  const items = new Map();
  for (const at of nodes) items.set(at, put(rank.get(at), { node: at, up: [], down: [] }));
  const edges = [];
  for (const to of nodes) for (const from of NODES[to].parents.filter((up) => rank.has(up))) {
    const way = [items.get(from)];
    for (let depth = rank.get(from) + 1; depth < rank.get(to); depth += 1) way.push(put(depth, { node: null, up: [], down: [] }));
    way.push(items.get(to));
    for (let at = 1; at < way.length; at += 1) { way[at].up.push(way[at - 1]); way[at - 1].down.push(way[at]); }
    edges.push({ from, to, way });
  }
  for (let depth = 0; depth < ranks.length; depth += 1) ranks[depth] ||= [];
  return { ranks, edges };
}

// Items stand where their neighbours do, as far as they can.
function ordered(ranks) {
  const number = (rank) => rank.forEach((item, at) => { item.at = at - rank.length / 2; });
  ranks.forEach(number);
  const settle = (rank, side) => {
    const mean = (item) => (item[side].length === 0 ? item.at : item[side].reduce((sum, other) => sum + other.at, 0) / item[side].length);
    const weights = new Map(rank.map((item) => [item, mean(item)]));
    rank.sort((one, other) => weights.get(one) - weights.get(other));
    number(rank);
  };
  for (let sweep = 0; sweep < 8; sweep += 1) {
    for (let depth = 1; depth < ranks.length; depth += 1) settle(ranks[depth], "up");
    for (let depth = ranks.length - 2; depth >= 0; depth -= 1) settle(ranks[depth], "down");
  }
}

// Heights: each item as near to its neighbours as the order and the room of its rank let it.
function placed(ranks, room) {
  for (const rank of ranks) {
    let y = -rank.reduce((sum, item) => sum + room(item), 0) / 2;
    for (const item of rank) { item.y = y + room(item) / 2; y += room(item); }
  }
  const settle = (rank, sides) => {
    // Neighbours that want each other's place are moved as one block, to the mean of their wishes.
    const blocks = [];
    let offset = 0;
    rank.forEach((item, at) => {
      if (at > 0) offset += (room(rank[at - 1]) + room(item)) / 2;
      const near = sides.flatMap((side) => item[side]);
      const wish = near.length === 0 ? item.y : near.reduce((sum, other) => sum + other.y, 0) / near.length;
      let block = { sum: wish - offset, items: [[item, offset]] };
      while (blocks.length > 0 && blocks.at(-1).sum / blocks.at(-1).items.length > block.sum / block.items.length) {
        const last = blocks.pop();
        block = { sum: last.sum + block.sum, items: [...last.items, ...block.items] };
      }
      blocks.push(block);
    });
    for (const { sum, items } of blocks) for (const [item, offset] of items) item.y = sum / items.length + offset;
  };
  for (let sweep = 0; sweep < 4; sweep += 1) {
    for (const rank of ranks.slice(1)) settle(rank, ["up"]);
    for (const rank of ranks.slice(0, -1).reverse()) settle(rank, ["down"]);
  }
  for (const rank of ranks) settle(rank, ["up", "down"]);
}

const short = (text, most) => (text.length <= most ? text : text.slice(0, most - 1) + "…");

// Names that begin alike are told apart by their ends.
function middle(text, most) {
  if (text.length <= most) return text;
  const tail = Math.floor(most * 0.4);
  return text.slice(0, most - tail - 1) + "…" + text.slice(-tail);
}

// The drawing of these nodes; `here` is the one that is looked at.
function drawing(set, here) {
  const nodes = [...set].sort((one, other) => one - other);
  const { ranks, edges } = ranked(nodes);
  ordered(ranks);
  const longest = Math.max(...nodes.map((at) => NODES[at].name.length));
  const wide = Math.min(270, Math.max(140, longest * 7 + 30));
  const [tall, gapX, gapY, edge] = [42, 48, 14, 16];
  const width = ranks.length * (wide + gapX) - gapX + 2 * edge;
  placed(ranks, (item) => (item.node === null ? 10 : tall) + gapY);
  const top = Math.min(...ranks.flat().map((item) => item.y)) - tall / 2 - edge;
  ranks.forEach((rank, depth) => rank.forEach((item) => { item.x = edge + depth * (wide + gapX); item.y -= top; }));
  const height = Math.max(...ranks.flat().map((item) => item.y)) + tall / 2 + edge;
  const paths = edges.map(({ from, to, way }) => {
    let line = `M${way[0].x + wide},${way[0].y}`;
    for (let at = 1; at < way.length; at += 1) {
      const [last, next] = [way[at - 1], way[at]];
      const bend = last.x + wide + gapX / 2;
      line += ` C${bend},${last.y} ${bend},${next.y} ${next.x},${next.y}`;
      if (next.node === null) line += ` H${next.x + wide}`;
    }
    return { from, to, path: svg("path", { d: line }) };
  });
  const boxes = new Map();
  for (const item of ranks.flat()) {
    if (item.node === null) continue;
    const node = NODES[item.node];
    const [x, y] = [item.x, item.y - tall / 2];
    const sub = svg("text", { x: x + 14, y: y + 32, class: "sub" }, subtitle(node));
    const box = svg("a", { href: address(item.node), style: `--hue: ${hue(node)}`, class: item.node === here ? "here" : "" },
      svg("title", {}, node.label),
      svg("rect", { class: "box", x, y, width: wide, height: tall, rx: 6 }),
      svg("rect", { class: "bar", x, y: y + 6, width: 3.5, height: tall - 12, rx: 1.5 }),
      svg("text", { x: x + 14, y: y + 18 }, middle(node.name, Math.floor((wide - 24) / 7))), sub);
    boxes.set(item.node, { box, sub, x: item.x, y: item.y });
  }
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Graph" },
    ...paths.map(({ path }) => path), ...[...boxes.values()].map(({ box }) => box));
  const frame = el("div", { class: "graph" }, picture);
  return { frame, picture, paths, boxes, wide, width, height, scale: 1 };
}

// Marks what a column's lineage goes through; null ends it.
function mark(graph, traced, node, column) {
  graph.frame.classList.toggle("tracing", traced !== null);
  const columns = new Map();
  for (const step of traced ? [{ node, column }, ...traced.up, ...traced.down] : []) {
    if (step.node === null) continue;
    if (!columns.has(step.node)) columns.set(step.node, []);
    columns.get(step.node).push(step.column);
  }
  for (const [at, { box, sub }] of graph.boxes) {
    const own = columns.get(at);
    box.classList.toggle("on", own !== undefined);
    sub.textContent = own ? short(own.join(", "), Math.floor((graph.wide - 24) / 6.4)) : subtitle(NODES[at]);
  }
  for (const { from, to, path } of graph.paths) path.classList.toggle("on", columns.has(from) && columns.has(to));
}

// Makes a drawing that is too wide smaller, as far as it can still be read, and puts the node that is looked at into the
// middle.
function fit(graph, here) {
  const { frame, picture } = graph;
  graph.scale = Math.min(1, Math.max(0.8, frame.clientWidth / graph.width));
  picture.setAttribute("width", graph.width * graph.scale);
  picture.setAttribute("height", graph.height * graph.scale);
  const place = graph.boxes.get(here);
  if (!place) return;
  frame.scrollLeft = (place.x + graph.wide / 2) * graph.scale - frame.clientWidth / 2;
  frame.scrollTop = place.y * graph.scale - frame.clientHeight / 2;
}
