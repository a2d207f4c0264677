// The cobweb: one unit of the plain network left alone, h <- tanh(w h + b). Left its map with the
// staircase that the state climbs, right the state step by step.

import { axes, legendKey, playedLine } from "./chart.mjs";
import { controls, grid, player, presets, put } from "./controls.mjs";
import { digits, element, filled, goalLine, live, markup, set, show, svg, write }
  from "./parts.mjs";

const STEPS = 30;
const STEPS_A_SECOND = 4;
const TIMES = Array.from({ length: STEPS + 1 }, (_, k) => k);
const HALVINGS = 60; // of an interval of length 2: past the last digit of a float
const TOUCH = 1e-12; // the map meets the diagonal where it comes this close
const EDGE = 1e-9; // a slope this close to 1 or -1 decides nothing
const CURVE = Array.from({ length: 101 }, (_, i) => -1 + i / 50);

// --- the mathematics, line for line as in cobweb.py ----------------------------------------------

function run({ w, b, h0 }) {
  const hs = [h0];
  for (let k = 0; k < STEPS; k++) hs.push(Math.tanh(w * hs[k] + b));
  return hs;
}

// The root of g between two places where its signs differ.
function bisect(g, low, high) {
  const rising = g(high) > 0;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    const value = g(middle);
    if (value === 0) return middle;
    if ((value > 0) === rising) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

// Between its turns, where the map's slope is 1, g is monotone, so each piece has one root or none.
function fixedPoints({ w, b }) {
  const g = (h) => Math.tanh(w * h + b) - h;
  const touches = (h) => Math.abs(g(h)) <= TOUCH;
  const bend = w > 1 ? Math.atanh(Math.sqrt(1 - 1 / w)) : 0;
  let turns = w > 1 ? [(-bend - b) / w, (bend - b) / w].filter((h) => Math.abs(h) < 1) : [];
  if (turns.every(touches)) turns = []; // at w = 1 the two are one
  const found = turns.filter(touches);
  const ends = [-1, ...turns.filter((h) => !touches(h)), 1];
  for (let i = 1; i < ends.length; i++) {
    if ((g(ends[i - 1]) > 0) !== (g(ends[i]) > 0)) found.push(bisect(g, ends[i - 1], ends[i]));
  }
  return found.sort((one, other) => one - other).map((h) => {
    const slope = w * (1 - h * h);
    const excess = Math.abs(slope) - 1;
    const kind = excess > EDGE ? "unstable" : excess < -EDGE ? "stable" : "edge";
    return { h, slope, kind };
  });
}

// The two states between which the unit alternates, or none. Twice the map rises above the diagonal
// right of the unstable point and meets it again once.
function cycle({ w, b }, points) {
  if (points[0].slope > 0 || points[0].kind !== "unstable") return [];
  const f = (h) => Math.tanh(w * h + b);
  const high = bisect((h) => f(f(h)) - h, points[0].h, 1);
  return [f(high), high];
}

// What a goal may ask for, as Cobweb.readings.
function readings(state, points) {
  const parting = points.find(({ kind }) => points.length === 3 && kind === "unstable");
  return { ...state, stable: points.filter(({ kind }) => kind === "stable").length,
    unstable: parting ? parting.h : NaN };
}

function sentence(points, pair) {
  const states = points.map(({ h }) => digits(h));
  const edgeFirst = points[0].kind === "edge";
  if (points.length === 3) return filled(SENTENCES.remembers, states);
  if (points.length === 2) return filled(SENTENCES.touches, edgeFirst ? states.reverse() : states);
  if (pair.length) return filled(SENTENCES.alternates, [...states, ...pair.map(digits)]);
  return filled(edgeFirst ? SENTENCES.edge : SENTENCES.forgets, states);
}

// --- the two pictures ----------------------------------------------------------------------------

const STATES = { min: -1, max: 1, ticks: [-1, 0, 1] };

/**
 * The path of the staircase from step `from` to step `to`: to the curve, then to the diagonal.
 * @returns {[number[], number[]]}
 */
function staircase(hs, from, to) {
  const [xs, ys] = [[hs[from]], [hs[from]]];
  for (let k = from; k < to; k++) {
    xs.push(hs[k], hs[k + 1]);
    ys.push(hs[k + 1], hs[k + 1]);
  }
  return [xs, ys];
}

// A fixed point: full where stable, empty where unstable, half full at the edge.
function mark() {
  const r = 7;
  const half = (cx, cy, sweep) => `M${cx - r} ${cy}A${r} ${r} 0 0 ${sweep} ${cx + r} ${cy}Z`;
  const level = svg("path", { fill: COLORS.h });
  const ring = svg("circle", { r, fill: "none", stroke: "currentColor", "stroke-width": 2 });
  const node = svg("g", {}, level, ring);
  return {
    node,
    update(point, px, py) {
      set(node, "visibility", point ? "inherit" : "hidden");
      if (!point) return;
      const [cx, cy] = [px(point.h), py(point.h)];
      const halves = { unstable: [], edge: [0], stable: [0, 1] }[point.kind];
      set(level, "d", halves.map((sweep) => half(cx, cy, sweep)).join(""));
      set(ring, "cx", cx);
      set(ring, "cy", cy);
    },
  };
}

function map(form, width, height, model) {
  const { node, px, py, path, line } = axes(form, width, height, {
    x: { ...STATES, label: "this state" },
    y: STATES,
    label: "The next state against this one, the diagonal, and the staircase of 30 steps between " +
      "them; what is seen is written below.",
  });
  const diagonal = path({ d: line([-1, 1], [-1, 1]), stroke: COLORS.neutral, "stroke-width": 1.5,
    "stroke-dasharray": "6 4" });
  const curve = path({ stroke: "currentColor", "stroke-width": 2.5 });
  const ahead = path({ stroke: COLORS.h, "stroke-width": 1.5, "stroke-opacity": 0.4 });
  const played = path({ stroke: COLORS.h, "stroke-width": 2.5 });
  const marks = [mark(), mark(), mark()];
  const head = svg("circle", { r: 3.5, fill: "currentColor" });
  const start = svg("circle", { r: 10, fill: COLORS.h, "fill-opacity": 0.5, stroke: COLORS.h,
    "stroke-width": 2 });
  const name = svg("text", { "font-size": 15, "text-anchor": "middle" },
    svg("tspan", { "font-style": "italic" }, "h"),
    svg("tspan", { "font-size": "75%", dy: 3 }, "0"));
  // As large as a finger; the slider below is the keyboard's way.
  const grip = svg("circle", { r: 22, fill: "transparent", "data-grip": "",
    style: "cursor: grab" });
  // Or the page scrolls: Chromium does not heed touch-action inside an svg.
  grip.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  grip.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // or the page's text is selected on the way
    grip.setPointerCapture(event.pointerId);
  });
  grip.addEventListener("pointermove", (event) => {
    if (!grip.hasPointerCapture(event.pointerId)) return;
    const box = node.getBoundingClientRect();
    const share = (at, pixel) => (at - pixel(-1)) / (pixel(1) - pixel(-1));
    const across = share(((event.clientX - box.left) * width) / box.width, px);
    const up = share(((event.clientY - box.top) * height) / box.height, py);
    const h = across + up - 1; // the nearest place on the diagonal
    put(model, { h0: Math.max(-1, Math.min(1, Math.round(100 * h) / 100)) });
  });
  node.append(diagonal, curve, ahead, played, ...marks.map((each) => each.node), start, head, name,
    grip);
  return {
    node,
    update({ w, b }, hs, points, k) {
      set(curve, "d", line(CURVE, CURVE.map((h) => Math.tanh(w * h + b))));
      set(ahead, "d", line(...staircase(hs, k, STEPS)));
      set(played, "d", line(...staircase(hs, 0, k)));
      marks.forEach((each, i) => each.update(points[i], px, py));
      set(head, "cx", px(hs[k]));
      set(head, "cy", py(hs[k]));
      for (const circle of [start, grip]) {
        set(circle, "cx", px(hs[0]));
        set(circle, "cy", py(hs[0]));
      }
      // Beside the start, on the side of the diagonal where the staircase is not.
      const side = hs[1] > hs[0] ? 1 : -1;
      set(name, "x", Math.max(px(-1) + 8, Math.min(px(1) - 8, px(hs[0]) + 19 * side)));
      set(name, "y", Math.max(py(1) + 14, Math.min(py(-1) - 8, py(hs[0]) + 5 + 17 * side)));
    },
  };
}

function trajectory(form, width, height) {
  const drawn = axes(form, width, height, {
    x: { min: 0, max: STEPS, ticks: [0, 10, 20, 30], label: "step" },
    y: STATES,
    label: "The state over 30 steps, and the fixed points as lines; the numbers are written below.",
  });
  const { node, px, py, path } = drawn;
  const levels = { stroke: COLORS.neutral, "stroke-width": 1.5 };
  const stable = path(levels);
  const other = path({ ...levels, "stroke-dasharray": "3 4" });
  const state = playedLine(drawn, TIMES, COLORS.h);
  node.append(stable, other, ...state.nodes);
  const across = (points) => points.map(({ h }) => `M${px(0)} ${py(h).toFixed(1)}H${px(STEPS)}`);
  return {
    node,
    update(hs, points, k) {
      set(stable, "d", across(points.filter(({ kind }) => kind === "stable")).join(""));
      set(other, "d", across(points.filter(({ kind }) => kind !== "stable")).join(""));
      state.update(hs, k);
    },
  };
}

function pictures(model) {
  const charts = {
    wide: [map("wide", 370, 360, model), trajectory("wide", 370, 360)],
    narrow: [map("narrow", 340, 330, model), trajectory("narrow", 340, 180)],
  };
  for (const { node } of charts.narrow) node.style.maxWidth = "420px";
  let shown = {};
  const steps = player({
    name: "step of the cobweb", last: STEPS, perSecond: STEPS_A_SECOND, color: COLORS.h,
    draw(k) {
      const { state, hs, points, form } = shown;
      charts[form][0].update(state, hs, points, k);
      charts[form][1].update(hs, points, k);
      set(steps.reading, "data-value", hs[k]);
      return `step ${k}: h = ${digits(hs[k])}`;
    },
  });
  const column = (title, i) => element("div", { style: "flex: 1 1 310px; min-width: 0" },
    markup("p", title, { class: "gru-title" }), charts.wide[i].node, charts.narrow[i].node);
  return {
    node: element("div", {},
      element("div", { class: "gru-legend" },
        legendKey("currentColor", false, "map, tanh(<i>w h</i> + <i>b</i>)"),
        legendKey(COLORS.neutral, true, "diagonal"),
        legendKey(COLORS.h, false, "state"),
        markup("span", '<span aria-hidden="true">●</span> stable'),
        markup("span", '<span aria-hidden="true">○</span> unstable'),
        markup("span", '<span aria-hidden="true">◒</span> at the edge')),
      element("div", { style: "display: flex; flex-wrap: wrap; gap: 0.75rem 0; margin: 0.5rem 0" },
        column("Next state against this state", 0), column("The state, step by step", 1)),
      steps.node),
    update(state, points, form) {
      shown = { state, hs: run(state), points, form };
      steps.show();
    },
    stop: steps.stop,
  };
}

// --- the words -----------------------------------------------------------------------------------

const KINDS = { stable: "stable", unstable: "unstable", edge: "at the edge" };

function words() {
  const said = element("p", { "data-out": "sentence", style: "margin-top: 0.75rem" });
  const rows = [0, 1, 2].map((i) => {
    const place = element("span", { "data-out": `point_${i}` });
    const slope = element("span", { "data-out": `slope_${i}` });
    const kind = element("span", { "data-out": `kind_${i}` });
    return { place, slope, kind, node: element("p", {}, markup("i", "h<sub>∗</sub>"), " = ",
      place, ", slope ", slope, ": ", kind) };
  });
  return {
    node: element("div", {}, said,
      markup("p", "The fixed points <i>h</i><sub>∗</sub>, and the map's slope there, " +
      "<i>w</i> (1 − <i>h</i><sub>∗</sub>²):", { style: "margin-top: 0.75rem" }),
      element("div", { class: "gru-equations" }, ...rows.map(({ node }) => node))),
    update(points, pair) {
      write(said, sentence(points, pair));
      set(said, "data-value", JSON.stringify(pair));
      rows.forEach(({ place, slope, kind, node }, i) => {
        // The line keeps its room, so that nothing below it jumps.
        set(node, "style", `visibility: ${points[i] ? "inherit" : "hidden"}`);
        if (!points[i]) return;
        show(place, points[i].h);
        show(slope, points[i].slope);
        write(kind, KINDS[points[i].kind]);
      });
    },
  };
}

// -------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const drawn = pictures(model);
  const sliders = grid(controls(model));
  const text = words();
  const goal = goalLine(model);
  return live({ model, el }, "cobweb",
    [drawn.node, sliders.node, presets(model), goal.node, text.node],
    (state, form) => {
      const points = fixedPoints(state);
      drawn.update(state, points, form);
      sliders.update();
      text.update(points, cycle(state, points));
      goal.update(readings(state, points));
    }, drawn.stop);
}

export default { render };
