// The gate explorer: one step of a GRU with one unit. PICTURES holds the diagram's two forms, drawn
// by _gate_diagram.py; here they are only moved: wire widths, levels in the circles, numbers.

const KEYS = ["x", "h_prev", "a_r", "a_z", "drive", "r", "z", "w_x", "b_x", "w_h", "b_h"];
const STEPS = 50;
const STEPS_A_SECOND = 12;
// The four corners that texts speak of; the gates are driven to them directly.
const PRESETS = {
  "copy": { drive: true, r: 1, z: 1 },
  "overwrite": { drive: true, r: 0, z: 0 },
  "plain RNN": { drive: true, r: 1, z: 0 },
  "leaky average": { drive: true, r: 0, z: 0.9 },
};
const X = "<i>x<sub>t</sub></i>";
const H_PREV = "<i>h<sub>t−1</sub></i>";
const H = "<i>h<sub>t</sub></i>";
const A_R = "<i>a<sub>r</sub></i>";
const A_Z = "<i>a<sub>z</sub></i>";

function read(model) {
  return Object.fromEntries(KEYS.map((key) => [key, model.get(key)]));
}

// The step, line for line as in gru_course.reference.gru.step; reset after the product.
function gruStep({ x, h_prev, a_r, a_z, drive, r: r_set, z: z_set, w_x, b_x, w_h, b_h }) {
  const r = drive ? r_set : sigmoid(a_r);
  const z = drive ? z_set : sigmoid(a_z);
  const recurrent = w_h * h_prev + b_h;
  const n = Math.tanh(w_x * x + b_x + r * recurrent);
  const h = (1 - z) * n + z * h_prev;
  return {
    x, h_prev, a_r, a_z, r, z, n, h, recurrent,
    reset: r * recurrent, keep: z * h_prev, rest: 1 - z, take: (1 - z) * n,
  };
}

// What the goals ask for beside the step, as _asked in gate_explorer.py.
function asked({ x, h_prev, w_x, b_x, w_h, b_h }, { r, z, n, h, recurrent }) {
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
  for (let k = 0; k < STEPS; k++) hs.push(gruStep({ ...state, h_prev: hs[k] }).h);
  return hs;
}

// What a goal may ask for, as GateExplorer.readings.
function readings(state, values, hs) {
  const turn = hs.findIndex((h) => Math.sign(h) !== Math.sign(state.h_prev));
  const { x, w_x, b_x, w_h, b_h } = state;
  let rest = state.h_prev;
  for (let k = 0; k < 1000; k++) {
    rest = Math.tanh(w_x * x + b_x + values.r * (w_h * rest + b_h));
  }
  return { ...state, ...values, ...asked(state, values), drive: Number(state.drive),
    turn: turn < 0 ? NaN : turn, rest };
}

// --- the diagram -------------------------------------------------------------------------------

// As in _gate_diagram.py, which draws the same for pages without scripts.
const SPANS = { x: 2, h_prev: 1, r: 1, z: 1, n: 1, h: 1 };
const SIGNED = ["x", "h_prev", "n", "h"];

function wireWidth(key, value) {
  return 1 + Math.abs(value) * (key === "a_r" || key === "a_z" ? 1 : 4);
}

function diagram(html) {
  const node = markup("div", html);
  const find = (name) => [...node.querySelectorAll(`[data-${name}]`)]
    .map((found) => [found, found.dataset[name]]);
  const wires = find("wire");
  const numbers = find("number");
  const hand = find("hand");
  const plain = find("plain");
  const levels = find("level").map(([path, key]) => {
    const circle = path.nextElementSibling;
    const [cx, cy, radius] = ["cx", "cy", "r"].map((name) => Number(circle.getAttribute(name)));
    return [path, key, { cx, cy, radius }];
  });
  return {
    node,
    update(values, drive) {
      for (const [path, key] of wires) {
        set(path, "stroke-width", wireWidth(key, values[key]).toFixed(2));
      }
      for (const [path, key, circle] of levels) {
        set(path, "d", level(circle, values[key] / SPANS[key], SIGNED.includes(key)));
      }
      for (const [text, key] of numbers) write(text, digits(values[key]));
      // With a weight or a bias of its own the wire no longer carries r times the bare state.
      const bare = values.recurrent === values.h_prev ? "inherit" : "hidden";
      for (const [name] of plain) set(name, "visibility", bare);
      // A gate that is driven directly has no pre-activation.
      for (const [part] of hand) set(part, "visibility", drive ? "hidden" : "inherit");
    },
  };
}

// --- the sliders -------------------------------------------------------------------------------

function controls(model) {
  const unit = { min: 0, max: 1, step: 0.01 };
  const wide = { min: -8, max: 8, step: 0.1 };
  const sliders = {
    x: slider(model, "x", { label: `input ${X}`, name: "input x", color: COLORS.neutral,
      min: -2, max: 2, step: 0.05 }),
    h_prev: slider(model, "h_prev", { label: `old state ${H_PREV}`, name: "old state h",
      color: COLORS.h, min: -1, max: 1, step: 0.01 }),
    a_r: slider(model, "a_r", { label: `reset gate ${A_R}`, color: COLORS.r, ...wide,
      name: "pre-activation of the reset gate r" }),
    r: slider(model, "r", { label: "reset gate <i>r</i>", color: COLORS.r, ...unit,
      name: "reset gate r" }),
    a_z: slider(model, "a_z", { label: `update gate ${A_Z}`, color: COLORS.z, ...wide,
      name: "pre-activation of the update gate z" }),
    z: slider(model, "z", { label: "update gate <i>z</i>", color: COLORS.z, ...unit,
      name: "update gate z" }),
  };
  const box = element("input", { type: "checkbox", role: "switch",
    "data-lm-suppress-shortcuts": "true" });
  box.addEventListener("change", () => {
    const drive = box.checked; // each set below redraws, the box included
    // Hand the gates over as they stand, so that nothing jumps.
    const { r, z } = gruStep(read(model));
    if (drive) {
      model.set("r", r);
      model.set("z", z);
    } else {
      const logit = (gate) => Math.max(-8, Math.min(8, Math.log(gate / (1 - gate))));
      model.set("a_r", logit(r));
      model.set("a_z", logit(z));
    }
    model.set("drive", drive);
    model.save_changes();
  });
  const toggle = element("label", { class: "gru-switch", "data-switch": "drive" }, box,
    markup("span", "set the gates <i>r</i> and <i>z</i> directly"));
  return {
    node: element("div", { class: "gru-sliders" },
      ...Object.values(sliders).map(({ row }) => row), toggle),
    update({ drive }) {
      for (const { update } of Object.values(sliders)) update();
      for (const key of ["a_r", "a_z"]) sliders[key].row.hidden = drive;
      for (const key of ["r", "z"]) sliders[key].row.hidden = !drive;
      box.checked = drive;
    },
  };
}

// --- the equations, with their numbers -----------------------------------------------------------

function equations() {
  const rows = {
    r: equation("<i>r</i>", "r", COLORS.r),
    z: equation("<i>z</i>", "z", COLORS.z),
    n: equation("<i>n</i>", "n", COLORS.n),
    h: equation(H, "h", COLORS.h),
  };
  return {
    node: element("div", { class: "gru-equations" }, ...Object.values(rows).map((row) => row.node)),
    update(values, { drive, w_x, b_x, w_h, b_h }) {
      const { x, h_prev, a_r, a_z, r, z, n, h } = values;
      const byHand = "set by hand";
      rows.r.update(drive ? byHand : `σ(${A_R})`, drive ? "" : `σ(${digits(a_r)})`, r);
      rows.z.update(drive ? byHand : `σ(${A_Z})`, drive ? "" : `σ(${digits(a_z)})`, z);
      const plain = w_x === 1 && b_x === 0 && w_h === 1 && b_h === 0;
      rows.n.update(
        plain
          ? `tanh(${X} + <i>r</i> ${H_PREV})`
          : `tanh(<i>w<sub>x</sub></i> ${X} + <i>b<sub>x</sub></i> + ` +
            `<i>r</i> (<i>w<sub>h</sub></i> ${H_PREV} + <i>b<sub>h</sub></i>))`,
        plain
          ? `tanh(${digits(x)} + ${digits(r)} · ${digits(h_prev)})`
          : `tanh(${digits(w_x)} · ${digits(x)} + ${digits(b_x)} + ` +
            `${digits(r)} (${digits(w_h)} · ${digits(h_prev)} + ${digits(b_h)}))`,
        n,
      );
      rows.h.update(`(1 − <i>z</i>) <i>n</i> + <i>z</i> ${H_PREV}`,
        `${digits(1 - z)} · ${digits(n)} + ${digits(z)} · ${digits(h_prev)}`, h);
    },
  };
}

// --- fifty steps of the same input ---------------------------------------------------------------

function chart(form, width, height) {
  const { node, px, py, path, line } = axes(form, width, height, {
    x: { min: 0, max: STEPS, ticks: [0, 10, 20, 30, 40, 50], label: "step" },
    y: { min: -1, max: 1, ticks: [-1, 0, 1] },
    label: "The state over 50 steps of the same input, and the share of the old state that is " +
      "left; the numbers are written below.",
  });
  const zero = path({ d: `M${px(0)} ${py(0)}H${px(STEPS)}`, stroke: COLORS.neutral,
    "stroke-opacity": 0.8 });
  const share = path({ stroke: COLORS.z, "stroke-width": 2, "stroke-dasharray": "6 4" });
  const half = svg("circle", { r: 5, fill: COLORS.z, stroke: "currentColor", cy: py(0.5) });
  const ahead = path({ stroke: COLORS.h, "stroke-width": 2, "stroke-opacity": 0.35 });
  const played = path({ stroke: COLORS.h, "stroke-width": 3.5, "stroke-linecap": "round" });
  const head = svg("circle", { r: 6, fill: COLORS.h, stroke: "currentColor", "stroke-width": 1.5 });
  node.append(zero, share, ahead, played, half, head);
  return {
    node,
    update(hs, shares, halfLife, k) {
      const steps = hs.map((_, step) => step);
      set(share, "d", line(steps, shares));
      set(ahead, "d", line(steps, hs));
      set(played, "d", line(steps, hs.slice(0, k + 1)));
      set(half, "cx", px(Math.min(halfLife, STEPS)));
      set(half, "visibility", halfLife > STEPS ? "hidden" : "inherit");
      set(head, "cx", px(k));
      set(head, "cy", py(hs[k]));
    },
  };
}

function strip() {
  const charts = { wide: chart("wide", 720, 190), narrow: chart("narrow", 340, 180) };
  const sentence = element("p", { "data-out": "half_life" });
  let hs = [];
  let shares = [];
  let halfLife = 0;
  let form = "narrow";
  const steps = player({
    name: "step of the strip", last: STEPS, perSecond: STEPS_A_SECOND, color: COLORS.h,
    draw(k) {
      charts[form].update(hs, shares, halfLife, k);
      set(steps.reading, "data-value", hs[k]);
      return `step ${k}: h = ${digits(hs[k])}`;
    },
  });
  return {
    node: element("div", { class: "gru-strip" },
      markup("p", `The same ${X} and the same gates for ${STEPS} steps`, { class: "gru-title" }),
      element("div", { class: "gru-legend" },
        legendKey(COLORS.h, false, "state <i>h</i>"),
        legendKey(COLORS.z, true, "<i>z<sup>k</sup></i>, share of the first state left after " +
          "<i>k</i> steps (dot: half)")),
      charts.wide.node, charts.narrow.node, steps.node, sentence),
    update(state, { z }, shown) {
      form = shown;
      hs = run(state);
      shares = hs.map((_, step) => z ** step);
      halfLife = z === 1 ? Infinity : Math.log(0.5) / Math.log(z);
      write(sentence, halfLifeSentence("z", z, halfLife, "state"));
      set(sentence, "data-value", halfLife);
      steps.show();
      return hs;
    },
    stop: steps.stop,
  };
}

// -------------------------------------------------------------------------------------------------

function render({ model, el }) {
  addStyle();
  const pictures = { wide: diagram(PICTURES.wide), narrow: diagram(PICTURES.narrow) };
  const sliders = controls(model);
  const lines = equations();
  const steps = strip();
  const goal = goalLine(model);
  let form = "narrow"; // the form that is on display; the other one is left as it is
  const redraw = () => {
    const state = read(model);
    const values = gruStep(state);
    pictures[form].update(values, state.drive);
    sliders.update(state);
    lines.update(values, state);
    goal.update(readings(state, values, steps.update(state, values, form)));
  };
  redraw();
  const root = element("div", { class: "gru-live gru-explorer" }, pictures.wide.node, pictures.narrow.node,
    presets(model, PRESETS), sliders.node, goal.node, lines.node, steps.node);
  el.append(root);
  const unfollow = follow(model, KEYS, redraw);
  const unwatch = watchWidth(root, (wide) => {
    form = wide ? "wide" : "narrow";
    redraw();
  });
  return () => {
    unfollow();
    unwatch();
    steps.stop();
  };
}

export default { render };
