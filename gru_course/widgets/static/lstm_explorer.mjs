// The LSTM explorer: one step of an LSTM with one unit. The cell state runs along a belt through
// the picture; f takes from it, i and g put something on it, o shows a part of it.

import { STRIP, STRIP_TIMES, SYMBOL, explorer, halfLifeLine, leftOver, stepPicture }
  from "./cell.mjs";
import { axes, legendKey, playedLine } from "./chart.mjs";
import { player } from "./controls.mjs";
import { digits, element, markup, outputs, set, show, sigmoid, svg, write } from "./parts.mjs";

const GATES = ["f", "i", "o"]; // as the belt meets them

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
  for (let k = 0; k < STRIP.last; k++) {
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
const SPANS = { x: 2, h_prev: 1, c_prev: 5, c: 5, i: 1, f: 1, o: 1, g: 1, h: 1 };
// Half the width on the belt, where numbers reach 6, and a quarter for pre-activations.
const UNITS = { a_i: 1, a_f: 1, a_o: 1, c_prev: 2, keep: 2, write: 2, c: 2 };
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
  return svg("g", key.startsWith("a_") ? { "data-hand": "" } : {},
    svg("path", { d: `${path}L${foot}`, fill: "none", stroke: color, "data-wire": key }),
    svg("path", { fill: color, d: `M${tip}L${foot[0] - dy * 7} ${foot[1] + dx * 7}` +
      `L${foot[0] + dy * 7} ${foot[1] - dx * 7}Z` }));
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
  for (const gate of GATES) {
    const [x, y] = at[gate];
    const top = labels[`a_${gate}`][1] - 14;
    wires.push(wire(`a_${gate}`, neutral, [[x, top], [x, y]], 0, radius));
  }
  const circles = Object.keys(SPANS).map((key) => {
    const [cx, cy] = at[key];
    const color = colorOf(key);
    return svg("g", {}, svg("path", { "data-level": key, fill: color, "fill-opacity": 0.3 }),
      svg("circle", { cx, cy, r: radius, fill: "none", stroke: color, "stroke-width": 2.5 }),
      svg("text", { x: cx, y: cy - 6, "text-anchor": "middle", "font-size": 17 }, symbol(key)),
      svg("text", { x: cx, y: cy + 13, "text-anchor": "middle", "font-size": 13,
        "data-number": key }));
  });
  const texts = Object.entries(labels).map(([key, [x, y, anchor]]) => {
    const below = stacked && key !== "tanh_c";
    const sub = SYMBOLS[key].length > 1; // what follows a subscript has to come back up
    /** @type {Record<string, number>} */
    const place = below ? { x, y: y + 16 } : { dx: key === "tanh_c" ? 0 : 7, dy: sub ? -3 : 0 };
    return svg("text", { x, y, "text-anchor": anchor, "font-size": 13,
      ...(key.startsWith("a_") && { "data-hand": "" }) },
    svg("tspan", { "font-size": 15 }, symbol(key)),
    svg("tspan", { "data-number": key, ...place }));
  });
  const [x, y] = at.c_prev;
  const cx = at.c[0];
  const belt = svg("path", { d: `M${x + radius} ${y}H${cx - radius}M${cx + radius} ${y}H${width}`,
    stroke: COLORS.c, "stroke-width": 26, "stroke-opacity": 0.13 });
  const [tanhX, tanhY] = at.tanh;
  const node = svg("svg", { class: `gru-picture gru-${name}`, viewBox: `0 0 ${width} ${height}`,
    role: "img", fill: "currentColor", style: `width:100%;max-width:${width + 60}px;height:auto`,
    "aria-label": "The data flow of one step of an LSTM. The cell state runs from left to right " +
      "along the top; the numbers are written out below." },
  svg("rect", { x: cell[0], y: cell[1], width: cell[2], height: cell[3], rx: 20,
    "fill-opacity": 0.045 }),
  belt, ...wires, ...circles,
  ...[at.keep, at.write, at.show].map((place) => operator(place, "M-4-4L4 4M-4 4L4-4")),
  operator(at.sum, "M-5 0H5M0-5V5"),
  svg("rect", { x: tanhX - 22, y: tanhY - 13, width: 44, height: 26, rx: 8, fill: "none",
    stroke: "currentColor", "stroke-width": 1.5 }),
  svg("text", { x: tanhX, y: tanhY + 4.5, "text-anchor": "middle", "font-size": 14 }, "tanh"),
  ...texts);
  return stepPicture(node, { spans: SPANS, gates: GATES, units: UNITS });
}

// --- the equations -------------------------------------------------------------------------------

/** @returns {Record<string, [string, string]>} */
function formulas(values) {
  const { w_x, w_h, b } = values;
  const n = (key) => digits(values[key]);
  const plain = w_x === 1 && w_h === 1 && b === 0;
  return {
    g: plain
      ? [`tanh(${SYMBOL.x} + ${SYMBOL.h_prev})`, `tanh(${n("x")} + ${n("h_prev")})`]
      : [`tanh(<i>w<sub>x</sub></i> ${SYMBOL.x} + <i>w<sub>h</sub></i> ${SYMBOL.h_prev} + ` +
        "<i>b</i>)",
        `tanh(${n("w_x")} · ${n("x")} + ${n("w_h")} · ${n("h_prev")} + ${n("b")})`],
    c: [`<i>f</i> ${SYMBOL.c_prev} + <i>i</i> <i>g</i>`,
      `${n("f")} · ${n("c_prev")} + ${n("i")} · ${n("g")}`],
    h: [`<i>o</i> tanh(${SYMBOL.c})`, `${n("o")} · tanh(${n("c")})`],
  };
}

// --- fifty steps of the same input ---------------------------------------------------------------

// What the axis of the cell may end in; |c| is at most 5 + 50.
const LIMITS = [1, 2, 5, 10, 20, 60];

function chart(form, limit, height, xLabel, label) {
  return axes(form, form === "wide" ? 720 : 340, height, {
    x: { min: 0, max: STRIP.last, ticks: [0, 10, 20, 30, 40, 50], label: xLabel },
    y: { min: -limit, max: limit, ticks: [-limit, 0, limit] }, label,
  });
}

function cellChart(form, limit) {
  const drawn = chart(form, limit, 150, "",
    "The cell state over 50 steps of the same input, and what is left of the first cell state; " +
    "the numbers are written below.");
  const left = leftOver(drawn, COLORS.f);
  const cell = playedLine(drawn, STRIP_TIMES, COLORS.c);
  drawn.node.append(...left.nodes, ...cell.nodes);
  return {
    node: drawn.node,
    update({ cs, f }, k) {
      left.update(cs[0], f);
      cell.update(cs, k);
    },
  };
}

function shownChart(form) {
  const drawn = chart(form, 1, 160, "step",
    "The hidden state over the same steps below tanh of the cell state; the space between them " +
    "is what the output gate hides.");
  const { node, path, line } = drawn;
  const hidden = svg("path", { fill: COLORS.o, "fill-opacity": 0.3 });
  const whole = path({ stroke: COLORS.c, "stroke-width": 2, "stroke-dasharray": "2 4" });
  const state = playedLine(drawn, STRIP_TIMES, COLORS.h);
  node.append(hidden, whole, ...state.nodes);
  // h_0 is given; from step 1 on h is the part of tanh(c) that the output gate shows.
  const steps = STRIP_TIMES.slice(1);
  const back = [...steps].reverse();
  return {
    node,
    update({ cs, hs }, k) {
      const top = line(steps, cs.slice(1).map(Math.tanh));
      set(whole, "d", top);
      set(hidden, "d", `${top}${line(back, hs.slice(1).reverse()).replace("M", "L")}Z`);
      state.update(hs, k);
    },
  };
}

function strip() {
  const made = new Map();
  const chartFor = (key, make) => {
    if (!made.has(key)) made.set(key, make());
    return made.get(key);
  };
  const places = [element("div"), element("div")];
  const halfLife = halfLifeLine("f", "cell");
  const { strip_c: c, strip_h: h } = outputs(["strip_c", "strip_h"]);
  const tanh = element("span");
  const gate = element("span");
  const shows = element("span", {}, " Its tanh is ", tanh, ", of which the output gate at ", gate,
    " shows ", h, ".");
  let shown = {};
  const steps = player({
    name: "step of the strip", ...STRIP, color: COLORS.c,
    draw(k) {
      const { cs, hs, o, form } = shown;
      const largest = Math.max(...cs.map(Math.abs));
      const limit = LIMITS.find((value) => value >= largest);
      const charts = [chartFor(`cell ${form} ${limit}`, () => cellChart(form, limit)),
        chartFor(`shown ${form}`, () => shownChart(form))];
      charts.forEach(({ node, update }, index) => {
        if (places[index].firstChild !== node) places[index].replaceChildren(node);
        update(shown, k);
      });
      show(c, cs[k]);
      show(h, hs[k]);
      write(tanh, digits(Math.tanh(cs[k])));
      write(gate, digits(o));
      shows.hidden = k === 0; // the first h is given
      return `step ${k}`;
    },
  });
  return {
    node: element("div", { class: "gru-strip" },
      markup("p", `The same ${SYMBOL.x} and the same gates for ${STRIP.last} steps`,
        { class: "gru-title" }),
      element("div", { class: "gru-legend" },
        legendKey(COLORS.c, false, "cell <i>c</i>"),
        legendKey(COLORS.f, true, "<i>f<sup>k</sup></i> of the first cell, left after " +
        "<i>k</i> steps (dot: half)"),
        legendKey(COLORS.h, false, "hidden state <i>h</i>"),
        legendKey(COLORS.c, true, "tanh(<i>c</i>)"),
        legendKey(COLORS.o, false, "between them: what <i>o</i> hides")),
      ...places, steps.node,
      element("p", {}, "The cell then holds ", c, ".", shows),
      halfLife.node),
    update(state, { f, o }, form) {
      const states = run(state);
      shown = { cs: states.map((s) => s.c), hs: states.map((s) => s.h), f, o, form };
      halfLife.update(f);
      steps.show();
      return states;
    },
    stop: steps.stop,
  };
}

// -------------------------------------------------------------------------------------------------

function render(host) {
  return explorer(host, "lstm-explorer", {
    gates: GATES,
    step: lstmStep,
    pictures: { wide: picture("wide"), narrow: picture("narrow") },
    keys: ["i", "f", "g", "o", "c", "h"],
    formulas,
    strip: strip(),
    readings,
  });
}

export default { render };
