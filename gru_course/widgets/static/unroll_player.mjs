// The unroll player: one unit over three steps. The forward and the backward pass go through the
// picture node by node, and each writes out its line with the numbers.

import { equation, level } from "./cell.mjs";
import { controls, grid, player } from "./controls.mjs";
import { digits, element, goalLine, live, markup, set, show, svg, write } from "./parts.mjs";

const T = 3;
const TIMES = [1, 2, 3];
const BACK = [3, 2, 1];
const STEPS_A_SECOND = 0.8;
// What the player goes through: [kind, t].
/** @type {any[]} */
const ORDER = [["start", 0], ...TIMES.flatMap((t) => [["state", t], ["loss", t]]),
  ...BACK.flatMap((t) => [["dh", t], ["delta", t], ["parts", t]]), ["end", 0]];
const LAST = ORDER.length - 1;
const stepOf = (kind, t) => ORDER.findIndex(([k, s]) => k === kind && s === t);

// --- the mathematics, line for line as in unroll_player.py ---------------------------------------

function run(state) {
  const { w_h, w_x, b, losses } = state;
  const v = { h_0: state.h0, L: 0, dw_h: 0, dw_x: 0, db: 0 };
  for (const t of TIMES) {
    v[`a_${t}`] = w_x * state[`x${t}`] + w_h * v[`h_${t - 1}`] + b;
    v[`h_${t}`] = Math.tanh(v[`a_${t}`]);
    const seen = losses === "every" || t === T;
    v[`e_${t}`] = seen ? v[`h_${t}`] - state[`y${t}`] : 0;
    v[`L_${t}`] = v[`e_${t}`] ** 2 / 2;
    v.L += v[`L_${t}`];
  }
  let future = 0;
  for (const t of BACK) {
    v[`future_${t}`] = future;
    v[`dh_${t}`] = v[`e_${t}`] + future;
    v[`s_${t}`] = 1 - v[`h_${t}`] ** 2;
    const delta = (v[`delta_${t}`] = v[`s_${t}`] * v[`dh_${t}`]);
    future = w_h * delta;
    const parts = { dw_h: delta * v[`h_${t - 1}`], dw_x: delta * state[`x${t}`], db: delta };
    for (const [name, part] of Object.entries(parts)) {
      v[`${name}_${t}`] = part;
      v[name] += part;
    }
  }
  v.dh_0 = future;
  return v;
}

// What a goal may ask for, as UnrollPlayer.readings.
function readings({ losses, ...numbers }, v) {
  return { ...numbers, ...v, every: Number(losses === "every"), size_1: Math.abs(v.e_1) };
}

// --- the picture ---------------------------------------------------------------------------------

// The chain h_0, a_1, h_1 ... a_3, h_3 runs along the picture, inputs on one side of it and losses
// on the other; the narrow form is the wide one's mirror image about the diagonal.
const FORMS = {
  wide: { size: [720, 302], first: 38, pitch: 99, radius: 29, lanes: { L: 42, chain: 152, x: 264 },
    // Where the way back lies beside the way there.
    back: { chain: [0, 6], L: [6, 0] },
    labels: { dh: [0, 48, "middle"], delta: [0, -53, "middle"], future: [49.5, 25, "middle"],
      e: [15, -66, "start"], y: [34, -4, "start"], w_h: [49.5, -13, "middle"],
      w_x: [7, 60, "start"], L: [0, -4, "middle"] } },
  narrow: { size: [340, 538], first: 33, pitch: 76, radius: 27, lanes: { L: 288, chain: 150,
    x: 34 },
  back: { chain: [-6, 0], L: [0, -6] },
  labels: { dh: [-38, -3, "end"], delta: [38, -3, "start"], future: [-15, 41, "end"],
    e: [69, -15, "middle"], y: [0, 42, "middle"], w_h: [14, 42, "start"],
    w_x: [-58, -8, "middle"], L: [0, -4, "middle"] } },
};
const ONE_LINE = ["future", "e", "y"]; // of the narrow form; else the number is below its name

// Letters with what is below each, as tspans.
function symbol(...pairs) {
  let low = false;
  const spans = pairs.flatMap(([letter, below]) => {
    const up = svg("tspan", low ? { dy: -3 } : {}, letter);
    low = below !== undefined;
    return low ? [up, svg("tspan", { "font-size": "75%", dy: 3 }, `${below}`)] : [up];
  });
  return svg("tspan", { "font-family": "STIX Two Text,Cambria,Georgia,serif",
    "font-style": "italic", "font-size": 15 }, ...spans);
}

// An arrow between two circles, beside their line by `aside`.
function arrow(from, to, radius, aside, attributes) {
  const [dx, dy] = [Math.sign(to[0] - from[0]), Math.sign(to[1] - from[1])];
  const cut = Math.sqrt(radius ** 2 - aside[0] ** 2 - aside[1] ** 2) + 1;
  const at = ([x, y], forth) => [x + aside[0] + dx * forth, y + aside[1] + dy * forth];
  const [tip, foot] = [at(to, -cut), at(to, -cut - 8)];
  const line = svg("path", { d: `M${at(from, cut)}L${foot}`, ...attributes });
  const [x, y] = foot;
  const head = svg("path", { fill: attributes.stroke,
    d: `M${tip}L${x - dy * 5} ${y + dx * 5}L${x + dy * 5} ${y - dx * 5}Z` });
  return { line, node: svg("g", {}, line, head) };
}

function picture(name) {
  const { size: [width, height], first, pitch, radius, lanes, back, labels } = FORMS[name];
  const wide = name === "wide";
  const place = (j, lane) => {
    const point = [first + pitch * j, lanes[lane]];
    return wide ? point : point.reverse();
  };
  const at = { h_0: place(0, "chain") };
  for (const t of TIMES) {
    Object.assign(at, { [`a_${t}`]: place(2 * t - 1, "chain"), [`x_${t}`]: place(2 * t - 1, "x"),
      [`h_${t}`]: place(2 * t, "chain"), [`L_${t}`]: place(2 * t, "L") });
  }

  const seen = []; // [node, the step from which on it is there, how it is before]
  const wires = []; // [line, what its width shows]
  const [blue, grey] = [{ stroke: COLORS.h }, { stroke: COLORS.gradient,
    "stroke-dasharray": "7 4" }];
  const there = (from, to, kind, t, size, aside = [0, 0]) => {
    const { line, node } = arrow(at[from], at[to], radius, aside.map((shift) => -shift), blue);
    seen.push([node, stepOf(kind, t), 0.25]);
    wires.push([line, size]);
    return node;
  };
  const andBack = (from, to, kind, t, size, aside) => {
    const { line, node } = arrow(at[from], at[to], radius, aside, grey);
    seen.push([node, kind === "end" ? LAST : stepOf(kind, t), 0]);
    wires.push([line, size]);
    return node;
  };
  const lines = TIMES.flatMap((t) => [
    there(`x_${t}`, `a_${t}`, "state", t, (v, s) => s.w_x * s[`x${t}`]),
    there(`h_${t - 1}`, `a_${t}`, "state", t, (v, s) => s.w_h * v[`h_${t - 1}`], back.chain),
    there(`a_${t}`, `h_${t}`, "state", t, (v) => v[`h_${t}`], back.chain),
    there(`h_${t}`, `L_${t}`, "loss", t, (v) => v[`e_${t}`], back.L),
    andBack(`L_${t}`, `h_${t}`, "dh", t, (v) => v[`e_${t}`], back.L),
    andBack(`h_${t}`, `a_${t}`, "delta", t, (v) => v[`delta_${t}`], back.chain),
    andBack(`a_${t}`, `h_${t - 1}`, t > 1 ? "dh" : "end", t - 1,
      (v, s) => s.w_h * v[`delta_${t}`], back.chain),
  ]);

  const numbers = [];
  const number = (tag, key, attributes) => {
    const node = svg(tag, { "data-number": key, "font-size": 13, ...attributes });
    numbers.push([node, key]);
    return node;
  };
  const levels = [];
  const circles = Object.entries(at).map(([key, [cx, cy]]) => {
    const [letter, t] = key.split("_");
    const color = "ha".includes(letter) ? COLORS.h : COLORS.neutral;
    const fill = svg("path", { fill: color, "fill-opacity": 0.3 });
    if (letter === "h") levels.push([fill, key, { cx, cy, radius }]);
    const value = number("text", key, { x: cx, y: cy + 14, "font-size": 12.5 });
    const inside = svg("g", {}, fill, value);
    if ("ahL".includes(letter) && Number(t) > 0) {
      seen.push([inside, stepOf(letter === "L" ? "loss" : "state", Number(t)), 0]);
    }
    return svg("g", { "text-anchor": "middle" }, inside,
      svg("circle", { cx, cy, r: radius, fill: "none", stroke: color, "stroke-width": 2.5 }),
      svg("text", { x: cx, y: cy - 5 }, symbol([letter, t])));
  });
  // What stands beside a node: a name, and below it or after it a number.
  const label = (node, kind, pairs, key, from) => {
    const [dx, dy, anchor] = labels[kind];
    const [x, y] = [at[node][0] + dx, at[node][1] + dy];
    const text = svg("text", { x, y, "text-anchor": anchor }, symbol(...pairs));
    if (key) {
      const after = !wide && ONE_LINE.includes(kind);
      if (after) text.append(svg("tspan", { dy: -3, "font-size": 13 }, " = "));
      text.append(number("tspan", key, after ? {} : { x, y: y + 15 }));
    }
    seen.push([text, from, 0]);
    return text;
  };
  const texts = TIMES.flatMap((t) => [
    label(`h_${t - 1}`, "w_h", [["w", "h"]], "", 0),
    label(`a_${t}`, "w_x", [["w", "x"]], "", 0),
    label(`L_${t}`, "y", [["y", t]], `y_${t}`, 0),
    label(`h_${t}`, "e", [["e", t]], `e_${t}`, stepOf("dh", t)),
    label(`h_${t}`, "dh", [["dh", t]], `dh_${t}`, stepOf("dh", t)),
    label(`a_${t}`, "delta", [["δ", t]], `delta_${t}`, stepOf("delta", t)),
    label(`h_${t - 1}`, "future", [["w", "h"], [" δ", t]], `future_${t - 1}`,
      t > 1 ? stepOf("dh", t - 1) : LAST),
  ]);
  at.L = place(0, "L");
  texts.push(label("L", "L", [["L"]], "L", stepOf("loss", T)));

  const halos = [0, 1, 2].map(() => svg("circle", { r: radius + 4.5, fill: "none",
    stroke: "currentColor", "stroke-width": 3 }));
  const node = svg("svg", { class: `gru-picture gru-${name}`, viewBox: `0 0 ${width} ${height}`,
    role: "img", fill: "currentColor", style: `width:100%;max-width:${width + 60}px;height:auto`,
    "aria-label": "The unit unrolled over three steps: states in a row, inputs on one side, " +
      "losses on the other, arrows forward and dashed arrows back. What the current step does is " +
      "written below." },
  ...halos, ...lines, ...circles, ...texts);
  return {
    node,
    update(state, v, k) {
      const shown = { ...v, future_0: v.dh_0,
        ...Object.fromEntries(TIMES.flatMap((t) => [[`x_${t}`, state[`x${t}`]],
          [`y_${t}`, state[`y${t}`]]])) };
      for (const [part, from, before] of seen) set(part, "opacity", k < from ? before : 1);
      for (const [line, size] of wires) {
        const thick = 1 + 2.5 * Math.min(2, Math.abs(size(v, state)));
        set(line, "stroke-width", thick.toFixed(1));
      }
      for (const [text, key] of numbers) write(text, digits(shown[key]));
      for (const [path, key, circle] of levels) set(path, "d", level(circle, v[key], true));
      const [kind, t] = ORDER[k];
      const now = { start: [], state: [`a_${t}`, `h_${t}`], loss: [`L_${t}`], dh: [`h_${t}`],
        delta: [`a_${t}`], parts: [`a_${t}`, `h_${t - 1}`, `x_${t}`], end: ["h_0"] }[kind];
      halos.forEach((halo, i) => {
        set(halo, "visibility", now[i] ? "inherit" : "hidden");
        if (!now[i]) return;
        set(halo, "cx", at[now[i]][0]);
        set(halo, "cy", at[now[i]][1]);
      });
    },
  };
}

// --- the words and the lines of a step -----------------------------------------------------------

const H = (t) => `<i>h</i><sub>${t}</sub>`;
const DELTA = (t) => `<i>δ</i><sub>${t}</sub>`;
const E = (t) => `<i>e</i><sub>${t}</sub>`;
const W = (sub) => `<i>w<sub>${sub}</sub></i>`;
const GRADIENTS = { dw_h: "<i>dL</i>/<i>dw<sub>h</sub></i>",
  dw_x: "<i>dL</i>/<i>dw<sub>x</sub></i>", db: "<i>dL</i>/<i>db</i>" };
const factor = (value) => (value < 0 ? `(${digits(value)})` : digits(value));

function sentence([kind, t], every) {
  const looks = every || t === T;
  return {
    start: "Known are the inputs, the targets, the weights and the first state.",
    state: `Forward, step ${t}: the pre-activation and the state.`,
    loss: looks ? `Forward, step ${t}: the error and the loss.`
      : `Forward, step ${t}: the loss does not look here, so nothing will come back from it.`,
    dh: `Backward, step ${t}: ` + (t === T ? "there is no future; all comes from the loss."
      : looks ? "what comes from the loss and what comes from the future add up."
        : "there is no loss here; all comes from the future."),
    delta: `Backward, step ${t}: through tanh, times its slope.`,
    parts: `Backward, step ${t}: what this use adds to the gradients; the bias gets the delta.`,
    end: "The uses of each weight add up, and what is left goes on to the first state.",
  }[kind];
}

// What the player says of a step: the node and its number.
function reading([kind, t], v) {
  const [name, value] = { start: ["h₀", v.h_0], state: [`h${"₀₁₂₃"[t]}`, v[`h_${t}`]],
    loss: [`L${"₀₁₂₃"[t]}`, v[`L_${t}`]], dh: [`dh${"₀₁₂₃"[t]}`, v[`dh_${t}`]],
    delta: [`δ${"₀₁₂₃"[t]}`, v[`delta_${t}`]],
    parts: [`δ${"₀₁₂₃"[t]} h${"₀₁₂₃"[t - 1]}`, v[`dw_h_${t}`]], end: ["dh₀", v.dh_0] }[kind];
  return `${name} = ${digits(value)}`;
}

// The lines of a step, made once: [equation, what it is given].
function linesOf([kind, t]) {
  const g = (key) => (v) => digits(v[key]);
  const p = (key) => (v) => factor(v[key]);
  const line = (name, key, color, html, ...words) => [equation(name, key, color), (v, s) => {
    if (key === `e_${t}` && s.losses === "last" && !last) return ["no loss here", "", 0];
    const said = words.map((word) => (typeof word === "string" ? word : word(v, s)));
    return [html, said.join(""), v[key]];
  }];
  const grey = COLORS.gradient;
  const last = t === T;
  return {
    start: [],
    state: [
      line(`<i>a</i><sub>${t}</sub>`, `a_${t}`, COLORS.h,
        `${W("x")} <i>x</i><sub>${t}</sub> + ${W("h")} ${H(t - 1)} + <i>b</i>`,
        (v, s) => `${digits(s.w_x)} · ${factor(s[`x${t}`])} + ${factor(s.w_h)} · ` +
          `${factor(v[`h_${t - 1}`])} + ${factor(s.b)}`),
      line(H(t), `h_${t}`, COLORS.h, `tanh(<i>a</i><sub>${t}</sub>)`, "tanh(", g(`a_${t}`), ")"),
    ],
    loss: [
      line(E(t), `e_${t}`, grey, `${H(t)} − <i>y</i><sub>${t}</sub>`, g(`h_${t}`), " − ",
        (v, s) => factor(s[`y${t}`])),
      line(`<i>L</i><sub>${t}</sub>`, `L_${t}`, COLORS.neutral, `½ ${E(t)}²`, "½ · ",
        p(`e_${t}`), "²"),
      ...(last ? [line("<i>L</i>", "L", COLORS.neutral,
        "<i>L</i><sub>1</sub> + <i>L</i><sub>2</sub> + <i>L</i><sub>3</sub>",
        g("L_1"), " + ", g("L_2"), " + ", g("L_3"))] : []),
    ],
    dh: [line(`<i>dh</i><sub>${t}</sub>`, `dh_${t}`, grey,
      last ? `${E(t)} + 0` : `${E(t)} + ${W("h")} ${DELTA(t + 1)}`, g(`e_${t}`), " + ",
      ...(last ? ["0"] : [(v, s) => factor(s.w_h), " · ", p(`delta_${t + 1}`)]))],
    delta: [
      line(`<i>s</i><sub>${t}</sub>`, `s_${t}`, COLORS.h, `1 − ${H(t)}²`, "1 − ", p(`h_${t}`), "²"),
      line(DELTA(t), `delta_${t}`, grey, `<i>s</i><sub>${t}</sub> <i>dh</i><sub>${t}</sub>`,
        g(`s_${t}`), " · ", p(`dh_${t}`)),
    ],
    parts: [
      line(`to ${GRADIENTS.dw_h}`, `dw_h_${t}`, grey, `${DELTA(t)} ${H(t - 1)}`, g(`delta_${t}`),
        " · ", p(`h_${t - 1}`)),
      line(`to ${GRADIENTS.dw_x}`, `dw_x_${t}`, grey, `${DELTA(t)} <i>x</i><sub>${t}</sub>`,
        g(`delta_${t}`), " · ", (v, s) => factor(s[`x${t}`])),
    ],
    end: [
      line("<i>dh</i><sub>0</sub>", "dh_0", grey, `${W("h")} ${DELTA(1)}`,
        (v, s) => digits(s.w_h), " · ", p("delta_1")),
      line(GRADIENTS.dw_h, "dw_h", grey, BACK.map((s) => `${DELTA(s)} ${H(s - 1)}`).join(" + "),
        g("dw_h_3"), " + ", p("dw_h_2"), " + ", p("dw_h_1")),
    ],
  }[kind];
}

// What each use of the weights adds, in the order of the backward pass, and the sums so far.
function table() {
  const names = Object.keys(GRADIENTS);
  const cells = [];
  const cell = (key, from) => {
    const node = element("span", { class: "gru-reading", "data-cell": key });
    cells.push([node, key, from]);
    return element("td", {}, node);
  };
  const head = (html, scope) => markup("th", html, { scope });
  const rows = BACK.map((t) => element("tr", {}, head(`step ${t}`, "row"),
    ...names.map((name) => cell(`${name}_${t}`, stepOf("parts", t)))));
  const sums = element("tr", {}, head("sum so far", "row"), ...names.map((name) => cell(name, 0)));
  return {
    node: element("table", { class: "gru-sums" },
      markup("caption", "What each use of a weight adds"),
      element("thead", {}, element("tr", {}, head("", "col"),
        ...names.map((name) => head(GRADIENTS[name], "col")))),
      element("tbody", {}, ...rows, sums)),
    update(v, k) {
      const reached = BACK.filter((t) => k >= stepOf("parts", t));
      for (const [node, key, from] of cells) {
        const value = names.includes(key)
          ? reached.reduce((sum, t) => sum + v[`${key}_${t}`], 0) : v[key];
        if (k >= from) show(node, value);
        else {
          write(node, "·");
          node.removeAttribute("data-value");
        }
      }
    },
  };
}

// -------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const drawn = { wide: picture("wide"), narrow: picture("narrow") };
  const said = element("p", { "data-out": "sentence" });
  const written = ORDER.map((step) => linesOf(step));
  const blocks = written.map((lines) => element("div", { class: "gru-equations" },
    ...lines.map(([{ node }]) => node)));
  const place = element("div");
  const sums = table();
  /** @type {any[]} */
  let [form, state, v] = ["narrow", {}, {}]; // the form that is on display; the other one is left
  const steps = player({
    name: "step of the two passes", last: LAST, perSecond: STEPS_A_SECOND, color: COLORS.h,
    draw(k) {
      drawn[form].update(state, v, k);
      write(said, sentence(ORDER[k], state.losses === "every"));
      if (place.firstChild !== blocks[k]) place.replaceChildren(blocks[k]);
      for (const [line, given] of written[k]) line.update(...given(v, state));
      sums.update(v, k);
      return reading(ORDER[k], v);
    },
  });
  const sliders = grid(controls(model));
  const goal = goalLine(model);
  return live({ model, el }, "unroll",
    [drawn.wide.node, drawn.narrow.node, steps.node,
      element("div", { class: "gru-written" }, said, place), sliders.node, goal.node, sums.node],
    (settings, shown) => {
      [state, v, form] = [settings, run(settings), shown];
      sliders.update();
      steps.show();
      goal.update(readings(state, v));
    }, steps.stop);
}

export default { render };
