// The gate explorer: one step of a GRU with one unit. PICTURES holds the diagram's two forms, drawn
// by _gate_diagram.py; here they are only moved: wire widths, levels in the circles, numbers.

import { STRIP, STRIP_TIMES, SYMBOL, explorer, halfLifeLine, leftOver, stepPicture }
  from "./cell.mjs";
import { axes, legendKey, playedLine } from "./chart.mjs";
import { player } from "./controls.mjs";
import { digits, element, markup, set, sigmoid } from "./parts.mjs";

const GATES = ["r", "z"];

// The step, line for line as in gru_course.reference.gru.step; reset after the product.
function gruStep(state) {
  const { x, h_prev, drive, w_x, b_x, w_h, b_h } = state;
  const r = drive ? state.r : sigmoid(state.a_r);
  const z = drive ? state.z : sigmoid(state.a_z);
  const recurrent = w_h * h_prev + b_h;
  const n = Math.tanh(w_x * x + b_x + r * recurrent);
  const h = (1 - z) * n + z * h_prev;
  return {
    ...state, r, z, n, h, recurrent,
    reset: r * recurrent, keep: z * h_prev, rest: 1 - z, take: (1 - z) * n,
  };
}

// What the goals ask for beside the step, as _goal_readings in gate_explorer.py.
function asked({ x, h_prev, w_x, b_x, w_h, b_h, r, z, n, h, recurrent }) {
  const fromX = w_x * x + b_x;
  const throughCandidate = (1 - z) * (1 - n ** 2) * r * w_h;
  // The same numbers with the reset before the product, and with a z that writes.
  const nBefore = Math.tanh(fromX + w_h * (r * h_prev) + b_h);
  const hBefore = (1 - z) * nBefore + z * h_prev;
  const [writes, writesBefore] = [n, nBefore].map((next) => z * next + (1 - z) * h_prev);
  // Cells C and F of the chapter on reading code.
  const nC = Math.tanh(fromX + (1 - r) * recurrent);
  const nF = Math.tanh(r * fromX + recurrent);
  const apart = (...pairs) => Math.min(...pairs.map(([a, b]) => Math.abs(a - b)));
  return {
    candidate_path: throughCandidate,
    slope: z + throughCandidate,
    candidate_gap: apart([n, nBefore]),
    reset_gap: apart([h, hBefore], [writes, writesBefore]),
    sense_gap: apart([h, writes], [hBefore, writesBefore]),
    mixed_gap: apart([h, writesBefore], [hBefore, writes]),
    gap_c: (1 - z) * apart([n, nC]),
    gap_f: (1 - z) * apart([n, nF]),
  };
}

function run(state) {
  const hs = [state.h_prev];
  for (let k = 0; k < STRIP.last; k++) hs.push(gruStep({ ...state, h_prev: hs[k] }).h);
  return hs;
}

// What a goal may ask for, as GateExplorer.readings.
function readings(values, hs) {
  const { x, h_prev, r, w_x, b_x, w_h, b_h } = values;
  const turn = hs.findIndex((h) => Math.sign(h) !== Math.sign(h_prev));
  let rest = h_prev;
  for (let k = 0; k < 1000; k++) rest = Math.tanh(w_x * x + b_x + r * (w_h * rest + b_h));
  return { ...values, ...asked(values), drive: Number(values.drive),
    turn: turn < 0 ? NaN : turn, rest };
}

// --- the diagram -------------------------------------------------------------------------------

// As in _gate_diagram.py, which draws the same for pages without scripts.
const SPANS = { x: 2, h_prev: 1, r: 1, z: 1, n: 1, h: 1 };
const UNITS = { a_r: 1, a_z: 1 };

function diagram(html) {
  const { node, update } = stepPicture(markup("div", html),
    { spans: SPANS, gates: GATES, units: UNITS });
  const plain = node.querySelectorAll("[data-plain]");
  return {
    node,
    update(values) {
      update(values);
      // With a weight or a bias of its own the wire no longer carries r times the bare state.
      const bare = values.recurrent === values.h_prev ? "inherit" : "hidden";
      for (const name of plain) set(name, "visibility", bare);
    },
  };
}

// --- the equations -------------------------------------------------------------------------------

/** @returns {Record<string, [string, string]>} */
function formulas(values) {
  const { w_x, b_x, w_h, b_h } = values;
  const n = (key) => digits(values[key]);
  const plain = w_x === 1 && b_x === 0 && w_h === 1 && b_h === 0;
  return {
    n: plain
      ? [`tanh(${SYMBOL.x} + <i>r</i> ${SYMBOL.h_prev})`,
          `tanh(${n("x")} + ${n("r")} · ${n("h_prev")})`]
      : [`tanh(<i>w<sub>x</sub></i> ${SYMBOL.x} + <i>b<sub>x</sub></i> + ` +
        `<i>r</i> (<i>w<sub>h</sub></i> ${SYMBOL.h_prev} + <i>b<sub>h</sub></i>))`,
        `tanh(${n("w_x")} · ${n("x")} + ${n("b_x")} + ` +
        `${n("r")} (${n("w_h")} · ${n("h_prev")} + ${n("b_h")}))`],
    h: [`(1 − <i>z</i>) <i>n</i> + <i>z</i> ${SYMBOL.h_prev}`,
      `${n("rest")} · ${n("n")} + ${n("z")} · ${n("h_prev")}`],
  };
}

// --- fifty steps of the same input ---------------------------------------------------------------

function chart(form, width, height) {
  const drawn = axes(form, width, height, {
    x: { min: 0, max: STRIP.last, ticks: [0, 10, 20, 30, 40, 50], label: "step" },
    y: { min: -1, max: 1, ticks: [-1, 0, 1] },
    label: "The state over 50 steps of the same input, and the share of the old state that is " +
      "left; the numbers are written below.",
  });
  const { node, px, py, path } = drawn;
  const zero = path({ d: `M${px(0)} ${py(0)}H${px(STRIP.last)}`, stroke: COLORS.neutral,
    "stroke-opacity": 0.8 });
  const share = leftOver(drawn, COLORS.z);
  const state = playedLine(drawn, STRIP_TIMES, COLORS.h);
  node.append(zero, ...share.nodes, ...state.nodes);
  return {
    node,
    update(hs, z, k) {
      share.update(1, z);
      state.update(hs, k);
    },
  };
}

function strip() {
  const charts = { wide: chart("wide", 720, 190), narrow: chart("narrow", 340, 180) };
  const halfLife = halfLifeLine("z", "state");
  let shown = {};
  const steps = player({
    name: "step of the strip", ...STRIP, color: COLORS.h,
    draw(k) {
      const { hs, z, form } = shown;
      charts[form].update(hs, z, k);
      set(steps.reading, "data-value", hs[k]);
      return `step ${k}: h = ${digits(hs[k])}`;
    },
  });
  return {
    node: element("div", { class: "gru-strip" },
      markup("p", `The same ${SYMBOL.x} and the same gates for ${STRIP.last} steps`,
        { class: "gru-title" }),
      element("div", { class: "gru-legend" },
        legendKey(COLORS.h, false, "state <i>h</i>"),
        legendKey(COLORS.z, true, "<i>z<sup>k</sup></i>, share of the first state left after " +
        "<i>k</i> steps (dot: half)")),
      charts.wide.node, charts.narrow.node, steps.node, halfLife.node),
    update(state, { z }, form) {
      const hs = run(state);
      shown = { hs, z, form };
      halfLife.update(z);
      steps.show();
      return hs;
    },
    stop: steps.stop,
  };
}

// -------------------------------------------------------------------------------------------------

function render(host) {
  return explorer(host, "explorer", {
    gates: GATES,
    step: gruStep,
    pictures: { wide: diagram(PICTURES.wide), narrow: diagram(PICTURES.narrow) },
    keys: ["r", "z", "n", "h"],
    formulas,
    strip: strip(),
    readings,
  });
}

export default { render };
