// The scan tree: eight steps of a linear recurrence, joined in three orders. Time runs down the
// picture, level by level.

import { equation } from "./cell.mjs";
import { controls, grid, player, put } from "./controls.mjs";
import { byKey, digits, element, goalLine, live, markup, set, svg, write } from "./parts.mjs";

const METHODS = SETTINGS.method.options;
const T = 8;
const LAST = T - 1;
const LEVELS_A_SECOND = 1;
const TIMES = Array.from({ length: T }, (_, i) => i + 1);

// --- the mathematics, line for line as in scan_tree.py -------------------------------------------

function join(earlier, later) {
  return { first: earlier.first, last: later.last, a: later.a * earlier.a,
    b: later.a * earlier.b + later.b, earlier, later };
}

// What each level of a method joins: [t, earlier t].
function levels(method) {
  if (method === "chain") return TIMES.slice(1).map((t) => [[t, t - 1]]);
  const strided = (from, stride, by) => TIMES.filter((t) => t >= from && (t - from) % by === 0)
    .map((t) => [t, t - stride]);
  if (method === "doubling") return [1, 2, 4].map((s) => strided(s + 1, s, 1));
  return [...[1, 2, 4].map((s) => strided(2 * s, s, 2 * s)),
    ...[2, 1].map((s) => strided(3 * s, s, 2 * s))];
}

const LEVELS = byKey(Object.keys(METHODS), levels);

// The pairs that end at each step, after each level from 0 to as many as the method takes.
function run({ method, z, overwrite, pulse }) {
  let pairs = TIMES.map((t) => {
    const gate = t === overwrite ? 0 : z;
    return { first: t, last: t, a: gate, b: t === pulse ? 1 - gate : 0 };
  });
  const after = [pairs];
  for (const joined of LEVELS[method]) {
    const before = pairs;
    pairs = [...before];
    for (const [t, earlier] of joined) pairs[t - 1] = join(before[earlier - 1], before[t - 1]);
    after.push(pairs);
  }
  return after;
}

// A state is known once its pair covers all steps from the first on, which takes no numbers to see.
function counts(method, level) {
  const firsts = [...TIMES];
  const done = LEVELS[method].slice(0, level);
  for (const joined of done) {
    const before = [...firsts];
    for (const [t, earlier] of joined) firsts[t - 1] = before[earlier - 1];
  }
  return { depth: done.length, work: done.flat().length,
    known: firsts.filter((first) => first === 1).length };
}

// What a goal may ask for, as ScanTree.readings.
function readings({ method, ...numbers }, pairs) {
  const { work, known } = counts(method, numbers.level);
  const of = pairs.flatMap(({ first, last, a, b }) =>
    [[`first_${last}`, first], [`a_${last}`, a], [`b_${last}`, b]]);
  return { ...numbers, work, known, ...Object.fromEntries(of) };
}

// --- the picture ---------------------------------------------------------------------------------

const [WIDTH, HEIGHT] = [37, 42]; // of a box
const left = (t) => 24 + 40 * (t - 1);
const top = (k) => 22 + 56 * k;
const middle = (t) => left(t) + WIDTH / 2;
const span = ({ first, last }) => (first < last ? `${first}–${last}` : `${last}`);

// One method's network. Boxes that are not there yet are pale and empty, for the reader to guess.
function network(method) {
  const made = TIMES.map(() => 0); // the level that made the pair that ends at each step
  /** @type {any[][]} */
  const [boxes, wires] = [[], []];
  const box = (t, k) => {
    const text = (y, attributes) => svg("text", { x: middle(t), y: top(k) + y, ...attributes });
    const lines = [text(12.5, { "font-weight": 600 }), text(25.5), text(38)];
    const frame = svg("rect", { x: left(t), y: top(k), width: WIDTH, height: HEIGHT, rx: 5,
      "stroke-width": 1.5 });
    const inside = svg("g", {}, ...lines);
    const node = svg("g", { "data-pair": `${t} ${k}` }, frame, inside);
    boxes.push({ t, k, node, frame, inside, lines });
  };
  // Straight down from where the pair was made, then across to where it is used.
  const wire = (from, since, t, k) => {
    const path = svg("path", { fill: "none", d: `M${middle(from)} ${top(since) + HEIGHT}` +
      `V${top(k - 1) + HEIGHT}L${middle(t)} ${top(k)}` });
    wires.push({ path, t, k });
  };
  for (const t of TIMES) box(t, 0);
  LEVELS[method].forEach((joined, i) => {
    const k = i + 1;
    for (const [t, earlier] of joined) {
      wire(earlier, made[earlier - 1], t, k);
      wire(t, made[t - 1], t, k);
      box(t, k);
    }
    for (const [t] of joined) made[t - 1] = k;
  });
  return {
    node: svg("g", {}, ...wires.map(({ path }) => path), ...boxes.map(({ node }) => node)),
    update(after, level, chosen) {
      for (const { t, k, node, frame, inside, lines } of boxes) {
        const there = k <= level;
        const pair = after[k][t - 1];
        const known = there && pair.first === 1;
        const color = known ? COLORS.h : COLORS.neutral;
        set(node, "opacity", there ? 1 : 0.3);
        set(inside, "visibility", there ? "inherit" : "hidden");
        set(frame, "fill", color);
        set(frame, "stroke", color);
        set(frame, "fill-opacity", known ? 0.3 : 0.1);
        [span(pair), digits(pair.a), digits(pair.b)].forEach((text, i) => write(lines[i], text));
      }
      for (const { path, t, k } of wires) {
        const now = t === chosen.t && k === chosen.k;
        set(path, "stroke", now ? "currentColor" : COLORS.neutral);
        set(path, "stroke-width", now ? 3 : 1.5);
        set(path, "opacity", k <= level ? 1 : 0.3);
      }
    },
  };
}

function picture(goTo) {
  const networks = byKey(Object.keys(METHODS), network);
  const size = [left(T) + WIDTH + 5, top(LAST) + HEIGHT + 5];
  const band = svg("rect", { x: 0, width: size[0], height: HEIGHT + 8, fill: "currentColor",
    "fill-opacity": 0.09 });
  const halo = svg("rect", { width: WIDTH + 6, height: HEIGHT + 6, rx: 8, fill: "none",
    stroke: "currentColor", "stroke-width": 3 });
  const names = [0, ...TIMES.slice(0, LAST)].map((k) =>
    svg("text", { x: 10, y: top(k) + HEIGHT / 2 + 4 }, `${k}`));
  const node = svg("svg", { class: "gru-chart", viewBox: `0 0 ${size.join(" ")}`, role: "img",
    fill: "currentColor", "font-size": 11.5, "text-anchor": "middle", style: "max-width: 420px",
    "aria-label": "The pairs of eight steps in a row, below them the pairs that each level joins " +
      "from two, with the steps covered, a and b. One pair is written out beside the picture." },
  band, svg("text", { x: 2, y: 13, "text-anchor": "start" }, "level"), ...names,
  ...Object.values(networks).map((each) => each.node), halo);
  node.addEventListener("click", ({ target }) => {
    const pair = /** @type {Element} */ (target).closest("[data-pair]")?.getAttribute("data-pair");
    if (!pair) return;
    const [at, level] = pair.split(" ").map(Number);
    goTo({ at, level });
  });
  return {
    node,
    update({ method, level, at }, after, made) {
      for (const [key, each] of Object.entries(networks)) {
        set(each.node, "display", key === method ? "inline" : "none");
      }
      networks[method].update(after, level, { t: at, k: made });
      set(band, "y", top(level) - 4);
      set(halo, "x", left(at) - 3);
      set(halo, "y", top(made) - 3);
    },
  };
}

// --- the words -----------------------------------------------------------------------------------

const unbroken = (pair) => span(pair).replace("–", "\u2060–\u2060"); // no new line within it
const named = (letter, pair) => `<i>${letter}</i><sub>${span(pair)}</sub>`;

// The pair that ends at one step, with its two lines.
function written() {
  const covered = element("b", { "data-out": "span" });
  const how = element("span");
  const index = element("sub");
  const state = element("span", {}, " It begins at step 1, so its ", markup("i", "b"),
    " is the state ", markup("i", "h"), index, ".");
  const [a, b] = [equation("<i>a</i>", "a", COLORS.z), equation("<i>b</i>", "b", COLORS.n)];
  return {
    node: element("div", { class: "gru-scan-pair" }, element("p", {}, covered, how, state),
      element("div", { class: "gru-equations" }, a.node, b.node)),
    update(pair, made, n) {
      const { first, last, earlier, later } = pair;
      write(covered, `${earlier ? "Steps" : "Step"} ${span(pair)}`);
      set(state, "style", `display: ${first === 1 ? "inline" : "none"}`);
      write(index, `${last}`);
      if (!earlier) {
        write(how, ": the gate, and what it writes.");
        a.update(`<i>z</i><sub>${last}</sub>`, "", pair.a);
        b.update(`(1 − <i>z</i><sub>${last}</sub>) <i>n</i><sub>${last}</sub>`,
          `(1 − ${digits(pair.a)}) · ${n}`, pair.b);
        return;
      }
      write(how, `: joined at level ${made} from ${unbroken(earlier)} and ${unbroken(later)}.`);
      const [old, now] = [earlier, later].map((each) => [digits(each.a), digits(each.b)]);
      a.update(`${named("a", later)} ${named("a", earlier)}`, `${now[0]} · ${old[0]}`, pair.a);
      b.update(`${named("a", later)} ${named("b", earlier)} + ${named("b", later)}`,
        `${now[0]} · ${old[1]} + ${now[1]}`, pair.b);
    },
  };
}

// How far each method has come after the same number of levels.
function table() {
  const heads = { depth: "levels", work: "pairs joined", known: "states known" };
  const cells = [];
  const rows = Object.entries(METHODS).map(([method, name]) => element("tr", {},
    element("th", { scope: "row" }, name),
    ...Object.keys(heads).map((key) => {
      const node = element("span", { class: "gru-reading", "data-out": `${key}_${method}` });
      cells.push({ node, method, key, of: counts(method, LAST)[key] });
      return element("td", {}, node);
    })));
  return {
    node: element("table", { class: "gru-sums" }, element("caption", {}, "So far, of all"),
      element("thead", {}, element("tr", {}, element("td"), ...Object.values(heads).map((head) =>
        element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...rows)),
    update(level) {
      for (const { node, method, key, of } of cells) {
        const value = counts(method, level)[key];
        write(node, `${value} of ${of}`);
        set(node, "data-value", value);
      }
    },
  };
}

// -------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const drawn = picture((settings) => put(model, settings));
  const pair = written();
  const sums = table();
  const steps = player({
    name: "level of the method", last: LAST, perSecond: LEVELS_A_SECOND, color: COLORS.neutral,
    draw(k) {
      if (model.get("level") !== k) put(model, { level: k });
      return `after level ${k}`;
    },
  });
  steps.node.dataset.slider = "level";
  const { method, ...numbers } = controls(model,
    { overwrite: { words: (value) => (value ? `${value}` : "none") } });
  const sliders = grid(numbers);
  const goal = goalLine(model);
  return live({ model, el }, "scan",
    [method.row, steps.node,
      element("div", { class: "gru-scan-columns" },
        element("div", {}, drawn.node),
        element("div", {},
          markup("p", "A box: the steps that it covers, <i>a</i> and <i>b</i>. Blue: its " +
          "<i>b</i> is a state, since <i>h</i><sub>0</sub> = 0."),
          pair.node, sums.node)),
      sliders.node, goal.node],
    (state) => {
      const { level, at, pulse } = state;
      const after = run(state);
      const pairs = after[Math.min(level, after.length - 1)];
      const shown = pairs[at - 1];
      const made = after.findIndex((each) => each[at - 1] === shown);
      drawn.update(state, after, made);
      pair.update(shown, made, Number(at === pulse));
      sums.update(level);
      steps.go(level);
      set(steps.reading, "data-value", level);
      method.update();
      sliders.update();
      goal.update(readings(state, pairs));
    }, steps.stop);
}

export default { render };
