// Gradient flow: the norm of the gradient against the lag for a plain RNN, an LSTM and a GRU. The
// weights, the inputs XS and the direction V come from gradient_flow.py, with RHO, the spectral
// radius of each matrix as drawn. Matrices are flat, row after row.

import { axes, legendKey } from "./chart.mjs";
import { controls, grid } from "./controls.mjs";
import { byKey, digits, element, goalLine, live, markup, set, sigmoid, svg, write }
  from "./parts.mjs";

const H = V.length;
const LONGEST = XS.length;
const [LOW, HIGH] = LIMITS;

const NAMES = Object.keys(NETWORKS);
const BASE = byKey(NAMES, (name) => byKey(Object.keys(WEIGHTS[name]), (field) =>
  Float64Array.from(WEIGHTS[name][field].flat())));

// out = W x + b
function affine(out, W, x, b) {
  for (let i = 0, k = 0; i < b.length; i++) {
    let sum = 0;
    for (let j = 0; j < x.length; j++, k++) sum += W[k] * x[j];
    out[i] = sum + b[i];
  }
  return out;
}

// Add the row da times W to `out`.
function addProduct(out, da, W) {
  for (let i = 0, k = 0; i < da.length; i++) {
    for (let j = 0; j < out.length; j++, k++) out[j] += da[i] * W[k];
  }
}

// W_ih x + b_ih for every step, which no setting changes.
const A_X = byKey(NAMES, (name) => {
  const { weight_ih, bias_ih } = BASE[name];
  return XS.map((x) => affine(new Float64Array(bias_ih.length), weight_ih, x, bias_ih));
});

// The recurrent weights at the widget's settings. A gate sees the sum of its two biases, so its
// extra bias is added to the second one here, and to the first in GradientFlow.params.
function recurrent(name, { radius, gate_bias }) {
  const W = BASE[name].weight_hh.slice();
  const b = BASE[name].bias_hh.slice();
  const gated = name !== "RNN";
  const from = gated ? 2 * H * H : 0; // the candidate's block
  for (let k = from; k < from + H * H; k++) W[k] *= radius / RHO[name];
  if (gated) for (let j = H; j < 2 * H; j++) b[j] += gate_bias; // f in the LSTM, z in the GRU
  return { W, b };
}

// --- the cells, line for line as in gru_course.reference ----------------------------------------
//
// With `relu` every tanh is a ReLU: the plain cell's, the candidates', and that of the LSTM's cell.
// `step` fills `now`, what the step leaves for the way back, from `prev`; a_x and a_h are the two
// halves of the pre-activations. `stepBackward` turns the gradient of the state (dh, and dc in the
// LSTM) into that of the state before it, but for what comes through W, and fills da for that.

const activate = (a, relu) => relu ? Math.max(a, 0) : Math.tanh(a);
// The slope at an output y.
const slope = (y, relu) => relu ? Number(y > 0) : 1 - y * y;

const rnn = {
  gates: 1,
  vectors: ["h"],
  step(a_x, a_h, prev, { h }, relu) {
    for (let j = 0; j < H; j++) h[j] = activate(a_x[j] + a_h[j], relu);
  },
  stepBackward({ dh }, da, prev, { h }, relu) {
    for (let j = 0; j < H; j++) {
      da[j] = dh[j] * slope(h[j], relu);
      dh[j] = 0;
    }
  },
};

const lstm = {
  gates: 4,
  vectors: ["h", "c", "i", "f", "g", "o", "act_c"],
  step(a_x, a_h, prev, { h, c, i, f, g, o, act_c }, relu) {
    for (let j = 0; j < H; j++) {
      i[j] = sigmoid(a_x[j] + a_h[j]);
      f[j] = sigmoid(a_x[H + j] + a_h[H + j]);
      g[j] = activate(a_x[2 * H + j] + a_h[2 * H + j], relu);
      o[j] = sigmoid(a_x[3 * H + j] + a_h[3 * H + j]);
      c[j] = f[j] * prev.c[j] + i[j] * g[j];
      act_c[j] = activate(c[j], relu); // tanh(c) in an ordinary LSTM
      h[j] = o[j] * act_c[j];
    }
  },
  stepBackward({ dh, dc }, da, prev, { i, f, g, o, act_c }, relu) {
    for (let j = 0; j < H; j++) {
      const d = dc[j] + dh[j] * o[j] * slope(act_c[j], relu);
      da[j] = d * g[j] * i[j] * (1 - i[j]);
      da[H + j] = d * prev.c[j] * f[j] * (1 - f[j]);
      da[2 * H + j] = d * i[j] * slope(g[j], relu);
      da[3 * H + j] = dh[j] * act_c[j] * o[j] * (1 - o[j]);
      dc[j] = d * f[j];
      dh[j] = 0;
    }
  },
};

const gru = {
  gates: 3,
  vectors: ["h", "r", "z", "n", "a_hn"],
  step(a_x, a_h, prev, { h, r, z, n, a_hn }, relu) {
    for (let j = 0; j < H; j++) {
      r[j] = sigmoid(a_x[j] + a_h[j]);
      z[j] = sigmoid(a_x[H + j] + a_h[H + j]);
      a_hn[j] = a_h[2 * H + j];
      n[j] = activate(a_x[2 * H + j] + r[j] * a_hn[j], relu);
      h[j] = (1 - z[j]) * n[j] + z[j] * prev.h[j];
    }
  },
  stepBackward({ dh }, da, prev, { r, z, n, a_hn }, relu) {
    for (let j = 0; j < H; j++) {
      const da_n = dh[j] * (1 - z[j]) * slope(n[j], relu);
      da[j] = da_n * a_hn[j] * r[j] * (1 - r[j]);
      da[H + j] = dh[j] * (prev.h[j] - n[j]) * z[j] * (1 - z[j]);
      da[2 * H + j] = da_n * r[j]; // of W_hn h_prev + b_hn
      dh[j] *= z[j];
    }
  },
};

const CELLS = { RNN: rnn, LSTM: lstm, GRU: gru };

// Made once and filled anew at every redraw: the states before and after each step, and the rest.
const TAPES = byKey(NAMES, (name) => {
  const { gates, vectors } = CELLS[name];
  return {
    records: Array.from({ length: LONGEST + 1 }, () =>
      byKey(vectors, () => new Float64Array(H))), // the first stays zero
    a_h: new Float64Array(gates * H),
    da: new Float64Array(gates * H),
    gradient: { dh: new Float64Array(H), dc: new Float64Array(H) },
  };
});

// |dL/ds_{T-k}| for k = 0 ... T, as gru_course.analysis.gradient_norms measures it.
function gradientNorms(name, settings) {
  const { step, stepBackward } = CELLS[name];
  const { records, a_h, da, gradient } = TAPES[name];
  const { W, b } = recurrent(name, settings);
  const T = settings.length;
  const relu = settings.activation === "relu";
  for (let t = 1; t <= T; t++) {
    affine(a_h, W, records[t - 1].h, b);
    step(A_X[name][LONGEST - T + t - 1], a_h, records[t - 1], records[t], relu);
  }
  const { dh, dc } = gradient;
  dh.set(V);
  dc.fill(0); // nothing reads c_T but h_T
  const norms = [];
  for (let t = T; ; t--) {
    let squares = 0;
    for (let j = 0; j < H; j++) squares += dh[j] * dh[j] + dc[j] * dc[j];
    norms.push(Math.sqrt(squares));
    if (t === 0) return norms;
    stepBackward(gradient, da, records[t - 1], records[t], relu);
    addProduct(dh, da, W);
  }
}

// --- the picture --------------------------------------------------------------------------------

const TOP = 1e10; // the same decades as the measured figures of the chapter
const BOTTOM = 1e-20;
const LINE_OF_TEXT = 14;

// `room` is the number of lags that the names at the ends of the lines take.
function chart(form, width, height, room) {
  const { node, px, py, path, line } = axes(form, width, height, {
    x: { min: 0, max: LONGEST + room, ticks: [0, 10, 20, 30, 40, 50, 60], label: "lag (steps)" },
    y: { min: BOTTOM, max: TOP, ticks: [1e-20, 1e-15, 1e-10, 1e-5, 1, 1e5, 1e10], log: true },
    label: "Norm of the gradient against the lag for the plain RNN, the LSTM and the GRU, on a " +
      "logarithmic scale; what it shows is written below.",
  });
  const [left, right, top, bottom] = [px(0), px(LONGEST + room), py(TOP), py(BOTTOM)];
  const band = svg("rect", { x: left, y: py(HIGH), width: right - left, height: py(LOW) - py(HIGH),
    fill: "currentColor", "fill-opacity": 0.07 });
  // A nested picture cuts off what runs out of it.
  const frame = svg("svg", { x: left, y: top, width: right - left, height: bottom - top,
    viewBox: `${left} ${top} ${right - left} ${bottom - top}` });
  const lines = Object.entries(NETWORKS).map(([name, color]) => ({
    name,
    curve: path({ stroke: color, "stroke-width": 2.5, "data-line": name }),
    dot: svg("circle", { r: 5, fill: color, stroke: "currentColor" }),
    label: svg("text", { "font-weight": 600 }, name),
  }));
  frame.append(...lines.map(({ curve }) => curve));
  node.append(band, frame, ...lines.flatMap(({ dot, label }) => [dot, label]));
  return {
    node,
    update(norms, crossings) {
      const ends = lines.map(({ name, curve, dot, label }) => {
        // A gradient of exactly zero has no logarithm: it leaves through the bottom.
        const values = norms[name].map((value) => Math.max(value, 1e-60));
        set(curve, "d", line(values.map((_, k) => k), values));
        const k = crossings[name];
        const seen = k !== null && values[k] >= BOTTOM && values[k] <= TOP;
        set(dot, "visibility", seen ? "inherit" : "hidden");
        if (seen) {
          set(dot, "cx", px(k));
          set(dot, "cy", py(values[k]));
        }
        const out = values.findIndex((value) => value < BOTTOM || value > TOP);
        const last = out < 0 ? values.length - 1 : out;
        const y = Math.min(Math.max(py(values[last]), top + 10), bottom - 10);
        return { label, x: px(last) + 7, y };
      });
      // Names of lines that end side by side move apart.
      ends.sort((a, b) => a.y - b.y);
      ends.forEach((end, i) => {
        for (const above of ends.slice(0, i)) {
          if (Math.abs(above.x - end.x) < 44) end.y = Math.max(end.y, above.y + LINE_OF_TEXT);
        }
      });
      const over = Math.max(0, ...ends.map(({ y }) => y - bottom + 4));
      for (const { label, x, y } of ends) {
        set(label, "x", x);
        set(label, "y", y - over + 4);
      }
    },
  };
}

// --- the sentences ------------------------------------------------------------------------------

// A number of any size: 0.412, or 2.2 · 10⁻¹⁰.
function written(value) {
  if (value === 0) return "0";
  if (value >= LOW && value <= HIGH) return digits(value);
  const [mantissa, exponent] = value.toExponential(1).split("e");
  const raised = exponent.replace("+", "").replace("-", "⁻")
    .replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  return `${mantissa} · 10${raised}`;
}

// The first lag at which the gradient is out of the limits, or null.
function crossing(norms) {
  const k = norms.findIndex((norm) => norm < LOW || norm > HIGH);
  return k < 0 ? null : k;
}

// What a goal may ask for, as GradientFlow.readings.
function readings({ activation, ...numbers }, norms) {
  const ends = Object.entries(norms).map(([name, norm]) => [name.toLowerCase(), norm.at(-1)]);
  return { ...numbers, ...Object.fromEntries(ends) };
}

function sentence(name) {
  const text = element("span", { "data-out": name });
  return {
    node: element("p", {}, legendKey(NETWORKS[name], false, name), ": ", text),
    update(norms, k) {
      const T = norms.length - 1;
      const reach = k === null
        ? `between 1 % and 100 up to lag ${T}`
        : `first ${norms[k] < LOW ? "below 1 %" : "above 100"} at lag ${k}`;
      write(text, `${reach}, ${written(norms[T])} at lag ${T}.`);
      set(text, "data-value", k ?? "none");
      set(text, "data-norms", norms.join(" "));
    },
  };
}

// ------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const sliders = grid(controls(model));
  const charts = { wide: chart("wide", 720, 320, 6), narrow: chart("narrow", 340, 300, 10) };
  const sentences = byKey(NAMES, sentence);
  const goal = goalLine(model);
  return live({ model, el }, "gradient-flow",
    [markup("p", "|∂<i>L</i>/∂<i>s<sub>T−k</sub></i>| against the lag <i>k</i>; the band is " +
    "1 % to 100", { class: "gru-title" }),
    charts.wide.node, charts.narrow.node, sliders.node, goal.node,
    ...NAMES.map((name) => sentences[name].node)],
    (state, form) => {
      const norms = byKey(NAMES, (name) => gradientNorms(name, state));
      const crossings = byKey(NAMES, (name) => crossing(norms[name]));
      charts[form].update(norms, crossings);
      sliders.update();
      for (const name of NAMES) sentences[name].update(norms[name], crossings[name]);
      goal.update(readings(state, norms));
    });
}

export default { render };
