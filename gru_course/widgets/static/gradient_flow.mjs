// Gradient flow: the norm of the gradient against the lag for a plain RNN, an LSTM and a GRU. The
// weights, the inputs XS and the direction V come from gradient_flow.py, with RHO, the spectral
// radius of each matrix as drawn. Matrices are flat, row after row.

const KEYS = ["radius", "gate_bias", "length", "activation"];
const H = V.length;
const INPUTS = XS.map((x) => Float64Array.from(x));
const LONGEST = INPUTS.length;
const [LOW, HIGH] = LIMITS;

const BASE = Object.fromEntries(Object.entries(WEIGHTS).map(([name, params]) => [name,
  Object.fromEntries(Object.entries(params).map(([field, rows]) =>
    [field, Float64Array.from(rows.flat())]))]));

// The networks' weights at the widget's settings, as GradientFlow.params makes them.
function paramsOf(name, { radius, gate_bias }) {
  const { weight_ih, weight_hh, bias_ih, bias_hh } = BASE[name];
  const gated = name !== "RNN";
  const scaled = weight_hh.slice();
  const from = gated ? 2 * H * H : 0; // the candidate's block
  for (let k = from; k < from + H * H; k++) scaled[k] *= radius / RHO[name];
  const biased = bias_ih.slice();
  if (gated) for (let j = H; j < 2 * H; j++) biased[j] += gate_bias; // f in the LSTM, z in the GRU
  return { weight_ih, weight_hh: scaled, bias_ih: biased, bias_hh };
}

// W x + b
function affine(W, x, b) {
  const out = new Float64Array(b.length);
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
    for (let j = 0; j < H; j++, k++) out[j] += da[i] * W[k];
  }
}

// --- the cells, line for line as in gru_course.reference: `step` and `step_backward` ---------------

const rnn = {
  size: H,
  step(x, h_prev, params, relu) {
    const a_x = affine(params.weight_ih, x, params.bias_ih);
    const a_h = affine(params.weight_hh, h_prev, params.bias_hh);
    const h = a_x.map((a, j) => (relu ? Math.max(a + a_h[j], 0) : Math.tanh(a + a_h[j])));
    return [h, { h, relu, params }];
  },
  stepBackward(dh, { h, relu, params }) {
    const da = dh.map((d, j) => d * (relu ? Number(h[j] > 0) : 1 - h[j] * h[j]));
    const dh_prev = new Float64Array(H);
    addProduct(dh_prev, da, params.weight_hh);
    return dh_prev;
  },
};

const lstm = {
  size: 2 * H, // h, then c
  step(x, state, params) {
    const c_prev = state.subarray(H);
    const a_x = affine(params.weight_ih, x, params.bias_ih);
    const a_h = affine(params.weight_hh, state.subarray(0, H), params.bias_hh);
    const gates = new Float64Array(4 * H); // i | f | g | o
    const tanh_c = new Float64Array(H);
    const next = new Float64Array(2 * H);
    for (let j = 0; j < 4 * H; j++) {
      const a = a_x[j] + a_h[j];
      gates[j] = j >= 2 * H && j < 3 * H ? Math.tanh(a) : sigmoid(a);
    }
    for (let j = 0; j < H; j++) {
      const [i, f, g, o] = [gates[j], gates[H + j], gates[2 * H + j], gates[3 * H + j]];
      const c = f * c_prev[j] + i * g;
      tanh_c[j] = Math.tanh(c);
      next[j] = o * tanh_c[j];
      next[H + j] = c;
    }
    return [next, { c_prev, gates, tanh_c, params }];
  },
  stepBackward(dstate, { c_prev, gates, tanh_c, params }) {
    const da = new Float64Array(4 * H);
    const dprev = new Float64Array(2 * H);
    for (let j = 0; j < H; j++) {
      const [i, f, g, o] = [gates[j], gates[H + j], gates[2 * H + j], gates[3 * H + j]];
      const dc = dstate[H + j] + dstate[j] * o * (1 - tanh_c[j] * tanh_c[j]);
      da[j] = dc * g * i * (1 - i);
      da[H + j] = dc * c_prev[j] * f * (1 - f);
      da[2 * H + j] = dc * i * (1 - g * g);
      da[3 * H + j] = dstate[j] * tanh_c[j] * o * (1 - o);
      dprev[H + j] = dc * f;
    }
    addProduct(dprev, da, params.weight_hh);
    return dprev;
  },
};

const gru = {
  size: H,
  step(x, h_prev, params) {
    const a_x = affine(params.weight_ih, x, params.bias_ih);
    const a_h = affine(params.weight_hh, h_prev, params.bias_hh);
    const [r, z, n, h] = [0, 1, 2, 3].map(() => new Float64Array(H));
    for (let j = 0; j < H; j++) {
      r[j] = sigmoid(a_x[j] + a_h[j]);
      z[j] = sigmoid(a_x[H + j] + a_h[H + j]);
      n[j] = Math.tanh(a_x[2 * H + j] + r[j] * a_h[2 * H + j]);
      h[j] = (1 - z[j]) * n[j] + z[j] * h_prev[j];
    }
    return [h, { h_prev, r, z, n, a_hn: a_h.subarray(2 * H), params }];
  },
  stepBackward(dh, { h_prev, r, z, n, a_hn, params }) {
    const da = new Float64Array(3 * H); // of r, of z, and of W_hn h_prev + b_hn
    const dh_prev = new Float64Array(H);
    for (let j = 0; j < H; j++) {
      const da_n = dh[j] * (1 - z[j]) * (1 - n[j] * n[j]);
      da[j] = da_n * a_hn[j] * r[j] * (1 - r[j]);
      da[H + j] = dh[j] * (h_prev[j] - n[j]) * z[j] * (1 - z[j]);
      da[2 * H + j] = da_n * r[j];
      dh_prev[j] = dh[j] * z[j];
    }
    addProduct(dh_prev, da, params.weight_hh);
    return dh_prev;
  },
};

const CELLS = { RNN: rnn, LSTM: lstm, GRU: gru };

// |dL/ds_{T-k}| for k = 0 ... T, as gru_course.analysis.gradient_norms measures it.
function gradientNorms(name, settings) {
  const { size, step, stepBackward } = CELLS[name];
  const params = paramsOf(name, settings);
  const caches = [];
  let state = new Float64Array(size);
  for (const x of INPUTS.slice(LONGEST - settings.length)) {
    const [next, cache] = step(x, state, params, settings.activation === "relu");
    caches.push(cache);
    state = next;
  }
  let gradient = new Float64Array(size);
  gradient.set(V); // nothing reads c_T but h_T
  const norms = [];
  for (;;) {
    norms.push(Math.sqrt(gradient.reduce((sum, d) => sum + d * d, 0)));
    if (!caches.length) return norms;
    gradient = stepBackward(gradient, caches.pop());
  }
}

// --- the picture -----------------------------------------------------------------------------------

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

// --- the sentences ---------------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------------------------------

function render({ model, el }) {
  addStyle();
  const rows = {
    radius: slider(model, "radius", { label: "spectral radius <i>ρ</i>", name: "spectral radius",
      min: 0.2, max: 1.6, step: 0.05, color: COLORS.neutral }),
    gate_bias: slider(model, "gate_bias", { label: "gate bias, <i>f</i> and <i>z</i>",
      name: "bias of the forget gate f and the update gate z",
      min: -2, max: 6, step: 0.1, color: COLORS.z }),
    length: slider(model, "length", { label: "length <i>T</i>", name: "length of the sequence",
      min: 10, max: LONGEST, step: 1, color: COLORS.neutral, words: String }),
    activation: choice(model, "activation", { name: "Activation of the plain RNN",
      options: { tanh: "tanh", relu: "ReLU" } }),
  };
  const charts = { wide: chart("wide", 720, 320, 6), narrow: chart("narrow", 340, 300, 10) };
  const names = Object.keys(NETWORKS);
  const sentences = Object.fromEntries(names.map((name) => [name, sentence(name)]));
  let form = "narrow"; // the form that is on display; the other one is left as it is
  const redraw = () => {
    const settings = Object.fromEntries(KEYS.map((key) => [key, model.get(key)]));
    const norms = Object.fromEntries(names.map((name) => [name, gradientNorms(name, settings)]));
    const crossings = Object.fromEntries(names.map((name) => [name, crossing(norms[name])]));
    charts[form].update(norms, crossings);
    for (const { update } of Object.values(rows)) update();
    for (const name of names) sentences[name].update(norms[name], crossings[name]);
  };
  redraw();
  const root = element("div", { class: "gru-live gru-gradient-flow" },
    markup("p", "Norm of the gradient, |∂<i>L</i>/∂<i>s<sub>T−k</sub></i>|, against the lag " +
      "<i>k</i>; in the band it is between 1 % and 100", { class: "gru-title" }),
    charts.wide.node, charts.narrow.node,
    element("div", { class: "gru-sliders" }, ...Object.values(rows).map(({ row }) => row)),
    ...names.map((name) => sentences[name].node));
  el.append(root);
  const unfollow = follow(model, KEYS, redraw);
  const unwatch = watchWidth(root, (wide) => {
    form = wide ? "wide" : "narrow";
    redraw();
  });
  return () => {
    unfollow();
    unwatch();
  };
}

export default { render };
