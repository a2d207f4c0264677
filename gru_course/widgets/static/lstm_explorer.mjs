// The LSTM explorer: one step of an LSTM with one unit. The cell state runs along a belt through the
// picture; f takes from it, i and g put something on it, o shows a part of it.

const KEYS = ["x", "h_prev", "c_prev", "a_i", "a_f", "a_o", "drive", "i", "f", "o", "w_x", "w_h",
  "b"];
const GATES = ["i", "f", "o"];
const GATE_NAMES = { i: "input gate", f: "forget gate", o: "output gate" };
const STEPS = 50;
const STEPS_A_SECOND = 12;
const X = "<i>x<sub>t</sub></i>";
const H_PREV = "<i>h<sub>t−1</sub></i>";
const C_PREV = "<i>c<sub>t−1</sub></i>";
const preActivation = (gate) => `<i>a<sub>${gate}</sub></i>`;

function read(model) {
  return Object.fromEntries(KEYS.map((key) => [key, model.get(key)]));
}

// The step, line for line as in gru_course.reference.lstm.step.
function lstmStep(state) {
  const { x, h_prev, c_prev, drive, w_x, w_h, b } = state;
  const i = drive ? state.i : sigmoid(state.a_i);
  const f = drive ? state.f : sigmoid(state.a_f);
  const o = drive ? state.o : sigmoid(state.a_o);
  const g = Math.tanh(w_x * x + w_h * h_prev + b);
  const c = f * c_prev + i * g;
  const tanh_c = Math.tanh(c);
  const h = o * tanh_c;
  return { ...state, i, f, g, o, c, tanh_c, h, keep: f * c_prev, write: i * g };
}

function run(state) {
  const steps = [{ c: state.c_prev, h: state.h_prev }];
  for (let k = 0; k < STEPS; k++) {
    const { h, c } = steps[k];
    steps.push(lstmStep({ ...state, h_prev: h, c_prev: c }));
  }
  return steps;
}

// What a goal may ask for, as LSTMExplorer.readings.
function readings(values, states) {
  const [before, last] = states.slice(-2);
  return {
    ...values, drive: Number(values.drive), c_50: last.c, written: last.write,
    gain_c: last.c - before.c, gain_tanh: Math.tanh(last.c) - Math.tanh(before.c),
    gain_h: last.h - before.h,
  };
}

// --- the picture ---------------------------------------------------------------------------------

// Where things lie, in pixels: [x, y]. The belt is the row of c_prev, keep, sum, c and the exit.
const FORMS = {
  wide: {
    size: [720, 310], radius: 30, stacked: false, turn: 130, cell: [96, 6, 532, 298],
    at: { c_prev: [50, 58], keep: [190, 58], sum: [400, 58], c: [580, 58], exit: [718, 58],
      f: [190, 160], i: [300, 160], write: [400, 160], g: [400, 266], h_prev: [50, 166],
      x: [50, 266], tanh: [580, 128], show: [580, 200], o: [484, 200], h: [682, 200] },
    labels: { keep: [295, 40, "middle"], write: [412, 116, "start"], tanh_c: [592, 170, "start"],
      a_f: [190, 226, "middle"], a_i: [300, 226, "middle"], a_o: [484, 266, "middle"] },
  },
  narrow: {
    size: [340, 392], radius: 26, stacked: true, turn: 88, cell: [66, 4, 252, 386],
    at: { c_prev: [34, 60], keep: [92, 60], sum: [196, 60], c: [280, 60], exit: [338, 60],
      f: [92, 158], i: [136, 254], write: [196, 158], g: [196, 356], h_prev: [34, 270],
      x: [34, 356], tanh: [280, 122], show: [280, 188], o: [228, 188], h: [280, 276] },
    labels: { keep: [144, 22, "middle"], write: [204, 104, "start"], tanh_c: [288, 152, "start"],
      a_f: [92, 208, "middle"], a_i: [136, 304, "middle"], a_o: [228, 238, "middle"] },
  },
};
const OPERATOR_RADIUS = 12;
// Largest size of what is drawn in a circle; c may grow past it, and its circle is then full.
const SPANS = { x: 2, h_prev: 1, c_prev: 5, c: 5, i: 1, f: 1, o: 1, g: 1, h: 1 };
const BELT = ["c_prev", "keep", "write", "c"];
const SYMBOLS = { x: ["x", "t"], h_prev: ["h", "t−1"], c_prev: ["c", "t−1"], c: ["c", "t"],
  h: ["h", "t"], a_i: ["a", "i"], a_f: ["a", "f"], a_o: ["a", "o"], keep: ["f c", "t−1"],
  write: ["i g"], tanh_c: [""], i: ["i"], f: ["f"], o: ["o"], g: ["g"] };

const colorOf = (key) => (key === "x" ? COLORS.neutral : COLORS[key[0]]);

function symbol(key) {
  const [letter, below] = SYMBOLS[key];
  const sub = below ? [svg("tspan", { "font-size": "75%", dy: 3 }, below)] : [];
  return svg("tspan", { "font-family": "STIX Two Text,Cambria,Georgia,serif",
    "font-style": "italic" }, letter, ...sub);
}

// Pixels: four for each unit; two on the belt, where numbers reach 6; one for pre-activations.
function wireWidth(key, value) {
  const unit = key.startsWith("a_") ? 1 : BELT.includes(key) ? 2 : 4;
  return 1 + Math.abs(value) * unit;
}

// A wire through points of horizontal and vertical pieces with rounded corners, cut by `start` and
// `end` pixels to leave room for what it joins. The arrow's tip touches the end.
function wire(key, color, points, start, end) {
  const direction = ([x0, y0], [x1, y1]) => [Math.sign(x1 - x0), Math.sign(y1 - y0)];
  const last = points.length - 1;
  let [dx, dy] = direction(points[0], points[1]);
  let path = `M${points[0][0] + dx * start} ${points[0][1] + dy * start}`;
  for (let k = 1; k < last; k++) {
    const [x, y] = points[k];
    const bend = 24;
    path += `L${x - dx * bend} ${y - dy * bend}Q${x} ${y} `;
    [dx, dy] = direction(points[k], points[k + 1]);
    path += `${x + dx * bend} ${y + dy * bend}`;
  }
  const tip = [points[last][0] - dx * end, points[last][1] - dy * end];
  const foot = [tip[0] - dx * 9, tip[1] - dy * 9];
  const line = svg("path", { d: `${path}L${foot}`, fill: "none", stroke: color });
  const arrow = svg("path", { fill: color, d: `M${tip}L${foot[0] - dy * 7} ${foot[1] + dx * 7}` +
    `L${foot[0] + dy * 7} ${foot[1] - dx * 7}Z` });
  return { key, line, node: svg("g", {}, line, arrow) };
}

function operator([x, y], arms) {
  return svg("g", { fill: "none", stroke: "currentColor" },
    svg("circle", { cx: x, cy: y, r: OPERATOR_RADIUS, "stroke-width": 1.5 }),
    svg("path", { d: arms, transform: `translate(${x} ${y})`, "stroke-width": 2,
      "stroke-linecap": "round" }));
}

function picture(name) {
  const { size: [width, height], radius, stacked, turn, cell, at, labels } = FORMS[name];
  const small = OPERATOR_RADIUS;
  const [x0, y0] = at.g;
  const off = 12; // the two wires into g arrive above and below its middle
  const cut = Math.sqrt(radius ** 2 - off ** 2);
  const corner = (from, to) => [at[from][0], at[to][1]];
  const iTurns = at.i[1] === at.write[1] ? [] : [corner("i", "write")];
  const neutral = COLORS.neutral;
  const wires = [
    wire("c_prev", COLORS.c, [at.c_prev, at.keep], radius, small),
    wire("keep", COLORS.c, [at.keep, at.sum], small, small),
    wire("c", COLORS.c, [at.sum, at.c], small, radius),
    wire("c", COLORS.c, [at.c, at.exit], radius, 0),
    wire("f", COLORS.f, [at.f, at.keep], radius, small),
    wire("i", COLORS.i, [at.i, ...iTurns, at.write], radius, small),
    wire("g", COLORS.g, [at.g, at.write], radius, small),
    wire("write", COLORS.g, [at.write, at.sum], small, small),
    wire("h_prev", COLORS.h, [at.h_prev, [turn, at.h_prev[1]], [turn, y0 - off],
      [x0, y0 - off]], radius, cut),
    wire("x", neutral, [[at.x[0], y0 + off], [x0, y0 + off]], cut, cut),
    wire("c", COLORS.c, [at.c, at.tanh], radius, 13),
    wire("tanh_c", COLORS.c, [at.tanh, at.show], 13, small),
    wire("o", COLORS.o, [at.o, at.show], radius, small),
    wire("h", COLORS.h, [at.show, at.h], small, radius),
  ];
  const hand = []; // what a gate that is driven directly does not have
  for (const gate of GATES) {
    const [x, y] = at[gate];
    const made = wire(`a_${gate}`, neutral, [[x, labels[`a_${gate}`][1] - 14], [x, y]], 0, radius);
    wires.push(made);
    hand.push(made.node);
  }
  const numbers = [];
  const number = (tag, key, attributes) => {
    const node = svg(tag, { "data-number": key, ...attributes });
    numbers.push([node, key]);
    return node;
  };
  const levels = [];
  const circles = Object.keys(SPANS).map((key) => {
    const [cx, cy] = at[key];
    const color = colorOf(key);
    const path = svg("path", { "data-level": key, fill: color, "fill-opacity": 0.3 });
    levels.push([path, key, { cx, cy, radius }]);
    return svg("g", {}, path,
      svg("circle", { cx, cy, r: radius, fill: "none", stroke: color, "stroke-width": 2.5 }),
      svg("text", { x: cx, y: cy - 6, "text-anchor": "middle", "font-size": 17 }, symbol(key)),
      number("text", key, { x: cx, y: cy + 13, "text-anchor": "middle", "font-size": 13 }));
  });
  const texts = Object.entries(labels).map(([key, [x, y, anchor]]) => {
    const below = stacked && key !== "tanh_c";
    const sub = SYMBOLS[key].length > 1; // what follows a subscript has to come back up
    const place = below ? { x, y: y + 16 } : { dx: key === "tanh_c" ? 0 : 7, dy: sub ? -3 : 0 };
    const text = svg("text", { x, y, "text-anchor": anchor, "font-size": 13 },
      svg("tspan", { "font-size": 15 }, symbol(key)), number("tspan", key, place));
    if (key.startsWith("a_")) hand.push(text);
    return text;
  });
  const [cx, cy] = at.c;
  const y = at.c_prev[1];
  const belt = svg("path", { d: `M${at.c_prev[0] + radius} ${y}H${cx - radius}M${cx + radius} ${y}` +
    `H${width}`, stroke: COLORS.c, "stroke-width": 26, "stroke-opacity": 0.13 });
  const [tanhX, tanhY] = at.tanh;
  const node = svg("svg", { class: `gru-picture gru-${name}`, viewBox: `0 0 ${width} ${height}`,
    role: "img", fill: "currentColor", style: `width:100%;max-width:${width + 60}px;height:auto`,
    "aria-label": "The data flow of one step of an LSTM. The cell state runs from left to right " +
      "along the top; the numbers are written out below." },
    svg("rect", { x: cell[0], y: cell[1], width: cell[2], height: cell[3], rx: 20,
      "fill-opacity": 0.045 }),
    belt, ...wires.map((made) => made.node), ...circles,
    ...[at.keep, at.write, at.show].map((place) => operator(place, "M-4-4L4 4M-4 4L4-4")),
    operator(at.sum, "M-5 0H5M0-5V5"),
    svg("rect", { x: tanhX - 22, y: tanhY - 13, width: 44, height: 26, rx: 8, fill: "none",
      stroke: "currentColor", "stroke-width": 1.5 }),
    svg("text", { x: tanhX, y: tanhY + 4.5, "text-anchor": "middle", "font-size": 14 }, "tanh"),
    ...texts);
  return {
    node,
    update(values) {
      for (const { key, line } of wires) {
        set(line, "stroke-width", wireWidth(key, values[key]).toFixed(2));
      }
      for (const [path, key, circle] of levels) {
        const share = Math.max(-1, Math.min(1, values[key] / SPANS[key]));
        set(path, "d", level(circle, share, !GATES.includes(key)));
      }
      for (const [text, key] of numbers) write(text, digits(values[key]));
      for (const part of hand) set(part, "visibility", values.drive ? "hidden" : "inherit");
    },
  };
}

// --- the sliders ---------------------------------------------------------------------------------

const driven = (f, i, o) => ({ drive: true, f, i, o });
const PRESETS = {
  conveyor: driven(1, 0, 1),
  overwrite: driven(0, 1, 1),
  count: driven(1, 1, 1),
  hidden: driven(1, 1, 0),
};

function controls(model) {
  const sliders = {
    x: slider(model, "x", { label: `input ${X}`, name: "input x", color: COLORS.neutral,
      min: -2, max: 2, step: 0.05 }),
    h_prev: slider(model, "h_prev", { label: `old state ${H_PREV}`, name: "old state h",
      color: COLORS.h, min: -1, max: 1, step: 0.01 }),
    c_prev: slider(model, "c_prev", { label: `old cell ${C_PREV}`, name: "old cell c",
      color: COLORS.c, min: -5, max: 5, step: 0.05 }),
  };
  for (const gate of ["f", "i", "o"]) { // the order in which the belt meets them
    const name = GATE_NAMES[gate];
    const color = COLORS[gate];
    sliders[`a_${gate}`] = slider(model, `a_${gate}`, { label: `${name} ${preActivation(gate)}`,
      name: `pre-activation of the ${name} ${gate}`, color, min: -8, max: 8, step: 0.1 });
    sliders[gate] = slider(model, gate, { label: `${name} <i>${gate}</i>`,
      name: `${name} ${gate}`, color, min: 0, max: 1, step: 0.01 });
  }
  const box = element("input", { type: "checkbox", role: "switch",
    "data-lm-suppress-shortcuts": "true" });
  box.addEventListener("change", () => {
    const drive = box.checked; // each set below redraws, the box included
    // Hand the gates over as they stand, so that nothing jumps.
    const values = lstmStep(read(model));
    const logit = (gate) => Math.max(-8, Math.min(8, Math.log(gate / (1 - gate))));
    for (const gate of GATES) {
      if (drive) model.set(gate, values[gate]);
      else model.set(`a_${gate}`, logit(values[gate]));
    }
    model.set("drive", drive);
    model.save_changes();
  });
  const toggle = element("label", { class: "gru-switch", "data-switch": "drive" }, box,
    markup("span", "set the gates <i>f</i>, <i>i</i> and <i>o</i> directly"));
  return {
    node: element("div", {}, presets(model, PRESETS), element("div", { class: "gru-sliders" },
      ...Object.values(sliders).map(({ row }) => row), toggle)),
    update({ drive }) {
      for (const { update } of Object.values(sliders)) update();
      for (const gate of GATES) {
        sliders[`a_${gate}`].row.hidden = drive;
        sliders[gate].row.hidden = !drive;
      }
      box.checked = drive;
    },
  };
}

// --- the equations, with their numbers -----------------------------------------------------------

function equations() {
  const names = { i: "<i>i</i>", f: "<i>f</i>", g: "<i>g</i>", o: "<i>o</i>",
    c: "<i>c<sub>t</sub></i>", h: "<i>h<sub>t</sub></i>" };
  const rows = Object.fromEntries(Object.entries(names).map(([key, html]) =>
    [key, equation(html, key, COLORS[key])]));
  return {
    node: element("div", { class: "gru-equations" }, ...Object.values(rows).map((row) => row.node)),
    update(values) {
      const { drive, w_x, w_h, b } = values;
      const n = Object.fromEntries(Object.entries(values).map(([key, value]) =>
        [key, digits(Number(value))]));
      for (const gate of GATES) {
        rows[gate].update(drive ? "set by hand" : `σ(${preActivation(gate)})`,
          drive ? "" : `σ(${n[`a_${gate}`]})`, values[gate]);
      }
      const plain = w_x === 1 && w_h === 1 && b === 0;
      rows.g.update(
        plain ? `tanh(${X} + ${H_PREV})`
          : `tanh(<i>w<sub>x</sub></i> ${X} + <i>w<sub>h</sub></i> ${H_PREV} + <i>b</i>)`,
        plain ? `tanh(${n.x} + ${n.h_prev})`
          : `tanh(${n.w_x} · ${n.x} + ${n.w_h} · ${n.h_prev} + ${n.b})`,
        values.g);
      rows.c.update(`<i>f</i> ${C_PREV} + <i>i</i> <i>g</i>`,
        `${n.f} · ${n.c_prev} + ${n.i} · ${n.g}`, values.c);
      rows.h.update("<i>o</i> tanh(<i>c<sub>t</sub></i>)", `${n.o} · tanh(${n.c})`, values.h);
    },
  };
}

// --- fifty steps of the same input ---------------------------------------------------------------

// What the axis of the cell may end in; |c| is at most 5 + 50.
const LIMITS = [1, 2, 5, 10, 20, 60];
const TICKS = [0, 10, 20, 30, 40, 50];
const TIMES = Array.from({ length: STEPS + 1 }, (_, k) => k);

function strokes(form, limit, height, xLabel, label) {
  const width = form === "wide" ? 720 : 340;
  const made = axes(form, width, height, {
    x: { min: 0, max: STEPS, ticks: TICKS, label: xLabel },
    y: { min: -limit, max: limit, ticks: [-limit, 0, limit] }, label,
  });
  // A line over all steps, pale, and strong as far as it has been played, with a dot at its end.
  const played = (color) => {
    const all = made.path({ stroke: color, "stroke-width": 2, "stroke-opacity": 0.35 });
    const done = made.path({ stroke: color, "stroke-width": 3.5, "stroke-linecap": "round" });
    const head = svg("circle", { r: 6, fill: color, stroke: "currentColor", "stroke-width": 1.5 });
    made.node.append(all, done, head);
    return (values, k) => {
      set(all, "d", made.line(TIMES, values));
      set(done, "d", made.line(TIMES, values.slice(0, k + 1)));
      set(head, "cx", made.px(k));
      set(head, "cy", made.py(values[k]));
    };
  };
  return { ...made, played };
}

function cellChart(form, limit) {
  const { node, px, py, path, line, played } = strokes(form, limit, 150, "",
    "The cell state over 50 steps of the same input, and what is left of the first cell state; " +
    "the numbers are written below.");
  const left = path({ stroke: COLORS.f, "stroke-width": 2, "stroke-dasharray": "6 4" });
  const half = svg("circle", { r: 5, fill: COLORS.f, stroke: "currentColor" });
  node.append(left);
  const draw = played(COLORS.c);
  node.append(half);
  return {
    node,
    update({ cs, f, halfLife }, k) {
      set(left, "d", line(TIMES, TIMES.map((step) => cs[0] * f ** step)));
      set(half, "cx", px(Math.min(halfLife, STEPS)));
      set(half, "cy", py(cs[0] / 2));
      set(half, "visibility", halfLife > STEPS || cs[0] === 0 ? "hidden" : "inherit");
      draw(cs, k);
    },
  };
}

function shownChart(form) {
  const { node, path, line, played } = strokes(form, 1, 160, "step",
    "The hidden state over the same steps below tanh of the cell state; the space between them " +
    "is what the output gate hides.");
  const hidden = svg("path", { fill: COLORS.o, "fill-opacity": 0.3 });
  const whole = path({ stroke: COLORS.c, "stroke-width": 2, "stroke-dasharray": "2 4" });
  node.append(hidden, whole);
  const draw = played(COLORS.h);
  return {
    node,
    update({ cs, hs }, k) {
      // h_0 is given; from step 1 on h is the part of tanh(c) that the output gate shows.
      const [steps, tanhs] = [TIMES.slice(1), cs.slice(1).map(Math.tanh)];
      const back = line([...steps].reverse(), hs.slice(1).reverse()).replace("M", "L");
      set(hidden, "d", `${line(steps, tanhs)}${back}Z`);
      set(whole, "d", line(steps, tanhs));
      draw(hs, k);
    },
  };
}

function strip() {
  const made = new Map();
  const chart = (key, make) => {
    if (!made.has(key)) made.set(key, make());
    return made.get(key);
  };
  const places = [element("div"), element("div")];
  const sentence = element("p", { "data-out": "half_life" });
  const c = element("b", { "data-out": "strip_c" });
  const h = element("b", { "data-out": "strip_h" });
  const tanh = element("span");
  const gate = element("span");
  const shows = element("span", {}, " Its tanh is ", tanh, ", of which the output gate at ", gate,
    " shows ", h, ".");
  let run50 = null;
  let form = "narrow";
  const steps = player({
    name: "step of the strip", last: STEPS, perSecond: STEPS_A_SECOND, color: COLORS.c,
    draw(k) {
      const largest = Math.max(...run50.cs.map(Math.abs));
      const limit = LIMITS.find((value) => value >= largest);
      const shown = [chart(`cell ${form} ${limit}`, () => cellChart(form, limit)),
        chart(`shown ${form}`, () => shownChart(form))];
      shown.forEach(({ node, update }, index) => {
        if (places[index].firstChild !== node) places[index].replaceChildren(node);
        update(run50, k);
      });
      show(c, run50.cs[k]);
      show(h, run50.hs[k]);
      write(tanh, digits(Math.tanh(run50.cs[k])));
      write(gate, digits(run50.o));
      shows.hidden = k === 0; // the first h is given
      return `step ${k}`;
    },
  });
  return {
    node: element("div", { class: "gru-strip" },
      markup("p", `The same ${X} and the same gates for ${STEPS} steps`, { class: "gru-title" }),
      element("div", { class: "gru-legend" },
        legendKey(COLORS.c, false, "cell <i>c</i>"),
        legendKey(COLORS.f, true, "<i>f<sup>k</sup></i> of the first cell, left after " +
          "<i>k</i> steps (dot: half)"),
        legendKey(COLORS.h, false, "hidden state <i>h</i>"),
        legendKey(COLORS.c, true, "tanh(<i>c</i>)"),
        legendKey(COLORS.o, false, "between them: what <i>o</i> hides")),
      ...places, steps.node,
      element("p", {}, "The cell then holds ", c, ".", shows),
      sentence),
    update(state, values, shown) {
      form = shown;
      const states = run(state);
      const { f, o } = values;
      const halfLife = f === 1 ? Infinity : Math.log(0.5) / Math.log(f);
      run50 = { cs: states.map((s) => s.c), hs: states.map((s) => s.h), f, o, halfLife };
      write(sentence, halfLifeSentence("f", f, halfLife, "cell"));
      set(sentence, "data-value", halfLife);
      steps.show();
      return states;
    },
    stop: steps.stop,
  };
}

// -------------------------------------------------------------------------------------------------

function render({ model, el }) {
  addStyle();
  const pictures = { wide: picture("wide"), narrow: picture("narrow") };
  const sliders = controls(model);
  const lines = equations();
  const steps = strip();
  const goal = goalLine(model);
  let form = "narrow"; // the form that is on display; the other one is left as it is
  const redraw = () => {
    const state = read(model);
    const values = lstmStep(state);
    pictures[form].update(values);
    sliders.update(state);
    lines.update(values);
    goal.update(readings(values, steps.update(state, values, form)));
  };
  redraw();
  const root = element("div", { class: "gru-live gru-lstm-explorer" }, pictures.wide.node,
    pictures.narrow.node, sliders.node, goal.node, lines.node, steps.node);
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
