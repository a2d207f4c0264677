// The sequence player: a trained GRU read a sequence; the page carries its gates, candidates and
// states. Nothing is computed here but the order of the rows.

import { legendKey } from "./chart.mjs";
import { controls, player, put } from "./controls.mjs";
import { byKey, digits, element, goalLine, live, markup, outputs, set, show, svg, write }
  from "./parts.mjs";

const STEPS_A_SECOND = 8;
const MAPS = { h: "state", z: "update gate", r: "reset gate", n: "candidate" };
const TINT = 0.45; // of a token at 1 - z = 1; more would make light text on it illegible
// The lines under the tokens, in order: color, dashed, width.
/** @type {[string, boolean, number][]} */
const LINES =
  [[COLORS.neutral, false, 4], ["currentColor", false, 1.8], ["currentColor", true, 1.8]];

// --- the record ----------------------------------------------------------------------------------

// What Python sent: values as thousandths in one text an array, step by step.
function unpack(record) {
  const H = record.mean_z.length;
  const arrays = byKey(Object.keys(MAPS), (name) =>
    record[name].split(" ").map((thousandths) => Number(thousandths) / 1000));
  const T = arrays.h.length / H;
  return {
    T, H, tokens: record.tokens, lines: Object.entries(record.lines), meanZ: record.mean_z,
    halfLife: record.half_life.map((steps) => steps ?? Infinity),
    at: (name, t, unit) => arrays[name][t * H + unit],
    over: (name, unit) => Array.from({ length: T }, (_, t) => arrays[name][t * H + unit]),
  };
}

// The units from top to bottom, as `order` in sequence_player.py.
function order({ H, halfLife }, sort) {
  const units = Array.from({ length: H }, (_, unit) => unit);
  // Infinity - Infinity is no number.
  const later = (a, b) => (halfLife[a] === halfLife[b] ? a - b : halfLife[b] - halfLife[a]);
  return sort === "index" ? units : units.sort(later);
}

/** @returns {Record<string, number>} */
function readings({ at, meanZ, halfLife }, step, unit) {
  const values = byKey(["r", "z", "n", "h"], (name) => at(name, step, unit));
  return { step, unit, ...values, half_life: halfLife[unit], mean_z: meanZ[unit] };
}

// --- drawing -------------------------------------------------------------------------------------

// Fill a canvas of one pixel a number; the browser stretches it. `value(x, y)` is the opacity of
// the colour, or below 0 that of the neutral one.
function paint(canvas, width, height, color, value) {
  const [over, under] = [color, COLORS.neutral].map((hex) =>
    [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) {
      const opacity = value(x, y);
      image.data.set(opacity < 0 ? under : over, i);
      image.data[i + 3] = Math.round(255 * Math.abs(opacity));
    }
  }
  context.putImageData(image, 0, 0);
}

// A line over time in a picture that is stretched to its box: one column a step, `low` at the
// bottom, `high` at the top.
function stroke(attributes) {
  return svg("path", { fill: "none", "vector-effect": "non-scaling-stroke",
    "stroke-linejoin": "round", ...attributes });
}

function course(values, low, high) {
  const y = (value) => (high - value) / (high - low || 1);
  if (values.every(Number.isInteger)) { // a count jumps
    return "M0 " + values.map((value, t) => `${y(value).toFixed(4)}H${t + 1}`).join("V");
  }
  return "M" + values.map((value, t) => `${t + 0.5} ${y(value).toFixed(4)}`).join("L");
}

// A box over time, with its name and numbers left of it and a mark at the step.
function plot(T, height, gutter, ...inside) {
  const cursor = element("div", { class: "gru-cursor", style: `width: ${100 / T}%` });
  const box = element("div", { class: "gru-plot", style: `height: ${height}px` },
    ...inside, cursor);
  return { box, cursor, node: element("div", { class: "gru-plot-row" }, gutter, box) };
}

function stretched(T, ...paths) {
  return svg("svg", { viewBox: `0 0 ${T} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...paths);
}

// The numbers at the ends of an axis, to three digits of the larger one.
function ends(...numbers) {
  const size = Math.max(...numbers.map(Math.abs)) || 1;
  const places = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return element("div", { class: "gru-gutter" }, ...numbers.map((number) =>
    element("span", {}, `${Number(Number(number.toPrecision(3)).toFixed(places))}`
      .replace("-", "−"))));
}

// The value of a line at a step: whole numbers are counts and have no decimals.
function reading(values, step) {
  const value = values[step];
  return values.every(Number.isInteger) ? `${value}`.replace("-", "−") : digits(value);
}

// --- the tokens and the lines under them ---------------------------------------------------------

function nameOf(token) {
  return TOKEN_NAMES[token] ?? `“${token}”`;
}

function text(tokens, goTo) {
  const words = tokens.some((token) => token.length > 1);
  const spans = tokens.map((token, t) =>
    element("span", { "data-step": t }, { "\n": "↵\n", "\t": "→\t" }[token] ?? token));
  const node = element("div", { class: `gru-tokens${words ? " gru-words" : ""}`, role: "img",
    "aria-label": `What the network reads: ${tokens.join(words ? " " : "")}` }, ...spans);
  node.addEventListener("click", ({ target }) => {
    const { step } = /** @type {HTMLElement} */ (target).dataset;
    if (step) goTo(Number(step));
  });
  let now = spans[0];
  return {
    node,
    mark(step) {
      now.classList.remove("gru-now");
      now = spans[step];
      now.classList.add("gru-now");
    },
    tint(zs) {
      spans.forEach((span, t) => {
        const opacity = Math.round(255 * TINT * (1 - zs[t])).toString(16).padStart(2, "0");
        span.style.backgroundColor = COLORS.n + opacity;
      });
    },
  };
}

function linesChart({ T, lines }) {
  const numbers = lines.flatMap(([, values]) => values);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const paths = lines.map(([, values], i) => {
    const [color, dashed, width] = LINES[i];
    return stroke({ d: course(values, low, high), stroke: color, "stroke-width": width,
      "stroke-dasharray": dashed ? "5 3" : "none", "data-line": i });
  });
  const made = plot(T, 90, ends(high, low), stretched(T, ...paths));
  const values = lines.map((_, i) => element("b", { "data-out": `line_${i}` }));
  const legend = lines.map(([name], i) => {
    const key = legendKey(LINES[i][0], LINES[i][1], "");
    key.append(`${name} = `, values[i]);
    return key;
  });
  set(made.box, "role", "img");
  set(made.box, "aria-label", `${lines.map(([name]) => name).join(", ")} over all steps; the ` +
  "numbers at the step are written beside their names.");
  return {
    ...made,
    node: element("div", {}, element("div", { class: "gru-legend" }, ...legend), made.node),
    mark: (step) => values.forEach((node, i) => {
      write(node, reading(lines[i][1], step));
      set(node, "data-value", lines[i][1][step]);
    }),
  };
}

// --- one unit ------------------------------------------------------------------------------------

function unitStrip(record) {
  const { T, H, over, meanZ, halfLife } = record;
  const writes = element("canvas", { style: `opacity: ${1.5 * TINT}` });
  const [z, h] = ["z", "h"].map((name) => stroke({ stroke: COLORS[name], "data-line": name,
    "stroke-width": name === "h" ? 3 : 2 }));
  const made = plot(T, 120, ends(1, -1), writes,
    stretched(T,
      stroke({ d: `M0 0.5H${T}`, stroke: COLORS.neutral, "stroke-opacity": 0.6 }), z, h));
  set(made.box, "role", "img");
  set(made.box, "aria-label", "State and update gate of one unit over all steps, and where it " +
  "writes; its numbers at the step are written below.");
  const { half_life: half, ...outs } =
    outputs(["r", "z", "n", "h", "keeps", "writes", "mean_z", "half_life"]);
  const [title, reads] = [element("p", { class: "gru-title" }), element("span")];
  const letter = (name) => markup("i", name);
  return {
    ...made,
    node: element("div", { class: "gru-strip" }, title,
      element("div", { class: "gru-legend" }, legendKey(COLORS.h, false, "state <i>h</i>"),
        legendKey(COLORS.z, false, "update gate <i>z</i>"),
        element("span", {}, element("span", { class: "gru-patch",
          style: `background: ${COLORS.n}` }), markup("span", "where it writes, 1 − <i>z</i>"))),
      made.node,
      element("p", { class: "gru-said" }, reads,
        letter("r"), " = ", outs.r, ", ", letter("z"), " = ", outs.z, ", ",
        letter("n"), " = ", outs.n, ", so it keeps ", outs.keeps, " of its state and writes ",
        outs.writes, " of the candidate: ", letter("h"), " = ", outs.h, "."),
      element("p", {}, "Over all steps its mean ", letter("z"), " is ", outs.mean_z,
        " and its half-life ", half, ".")),
    choose(unit) {
      write(title, `Unit ${unit} of ${H}: its state, and where it writes`);
      const zs = over("z", unit);
      paint(writes, T, 1, COLORS.n, (t) => 1 - zs[t]);
      set(z, "d", course(zs, -1, 1));
      set(h, "d", course(over("h", unit), -1, 1));
      show(outs.mean_z, meanZ[unit]);
      const steps = halfLife[unit];
      const shown = steps < 100 ? steps.toFixed(1) : steps.toFixed(0);
      write(half, steps === Infinity ? "infinite, since z is always 1" : `${shown} steps`);
      set(half, "data-value", steps);
    },
    mark(step, unit) {
      const values = readings(record, step, unit);
      const token = record.tokens ? nameOf(record.tokens[step]) : reading(record.lines[0][1], step);
      write(reads, `At step ${step} the network reads ${token}. Unit ${unit}: `);
      for (const name of ["r", "z", "n", "h"]) show(outs[name], values[name]);
      show(outs.keeps, values.z);
      show(outs.writes, 1 - values.z);
    },
  };
}

// --- all units -----------------------------------------------------------------------------------

function heatMaps({ T, H, at }) {
  const row = Math.max(4, Math.min(16, Math.round(112 / H)));
  const maps = Object.entries(MAPS).map(([name, words]) => {
    const [canvas, frame] = [element("canvas"), element("div", { class: "gru-row",
      style: `height: ${row}px` })];
    const gutter = element("div", { class: "gru-gutter" },
      markup("span", `<i>${name}</i> ${words}`));
    const made = plot(T, row * H, gutter, canvas, frame);
    set(made.box, "role", "img");
    set(made.box, "aria-label", `${words} ${name} of all units, one a row, over all steps`);
    set(made.box, "data-map", name);
    return { ...made, name, canvas, frame };
  });
  const signed = element("span", {},
    element("span", { class: "gru-patch", style: `background: ${COLORS.neutral}` }),
    "grey: below 0");
  return {
    row, maps,
    node: element("div", { role: "group", tabindex: 0, "data-lm-suppress-shortcuts": "true",
      class: "gru-maps", "aria-label": "Heat maps of all units. Up and down arrows choose the " +
        "unit, left and right the step." }, ...maps.map(({ node }) => node)),
    legend: element("div", { class: "gru-legend" }, element("span", {}, "The fuller the colour, " +
    "the nearer to 1 or −1."), signed),
    arrange(units) {
      for (const { name, canvas } of maps) {
        paint(canvas, T, H, COLORS[name], (t, place) => {
          const value = at(name, t, units[place]);
          // Not in proportion: on a dark page weak colours would be black.
          return Math.sign(value) * Math.abs(value) ** 0.7;
        });
      }
    },
    choose(place) {
      for (const { frame } of maps) frame.style.top = `${place * row}px`;
    },
  };
}

// Move the step by a press or a drag along a box, by mouse or finger; `tapped` gets the step and
// the height of a press that was none.
function scrub(box, T, goTo, tapped = goTo) {
  let from = 0;
  let dragged = false;
  const place = ({ clientX, clientY }) => {
    const { left, width, top } = box.getBoundingClientRect();
    const t = Math.floor(((clientX - left) / width) * T);
    return [Math.max(0, Math.min(T - 1, t)), clientY - top];
  };
  box.addEventListener("pointerdown", (event) => {
    from = event.clientX;
    dragged = false;
  });
  box.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    dragged ||= Math.abs(event.clientX - from) > 4;
    if (dragged) goTo(place(event)[0]);
  });
  box.addEventListener("click", (event) => {
    if (!dragged) tapped(...place(event));
  });
}

// -------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const record = unpack(model.get("record"));
  const { T, H, tokens, lines, over } = record;
  const goTo = (step) => put(model, { step });
  const written = tokens && text(tokens, goTo);
  const chart = lines.length > 0 && linesChart(record);
  const strip = unitStrip(record);
  const all = heatMaps(record);
  const plots = [...(chart ? [chart] : []), strip, ...all.maps];
  const steps = player({
    name: "step", last: T - 1, perSecond: STEPS_A_SECOND, color: COLORS.neutral,
    draw(k) {
      if (model.get("step") !== k) goTo(k);
      return `step ${k}`;
    },
  });
  steps.node.dataset.slider = "step";
  const chosen = controls(model, { unit: { high: H - 1 } });
  const goal = goalLine(model);
  let hovered = null; // a unit under the mouse is shown until it leaves
  const drawn = {}; // what is on display, since most changes leave most of it as it is

  function redraw() {
    const [step, sort] = [model.get("step"), model.get("sort")];
    const unit = hovered ?? model.get("unit");
    if (drawn.sort !== sort) {
      drawn.units = order(record, sort);
      all.arrange(drawn.units);
      chosen.sort.update();
    }
    if (drawn.unit !== unit) {
      strip.choose(unit);
      written?.tint(over("z", unit));
    }
    if (drawn.unit !== unit || drawn.sort !== sort) all.choose(drawn.units.indexOf(unit));
    if (drawn.step !== step) {
      for (const { cursor } of plots) cursor.style.left = `${(100 * (step + 0.5)) / T}%`;
      written?.mark(step);
      if (chart) chart.mark(step);
      steps.go(step);
      set(steps.reading, "data-value", step);
    }
    strip.mark(step, unit);
    chosen.unit.update();
    goal.update(readings(record, step, model.get("unit")));
    Object.assign(drawn, { step, unit, sort });
  }

  const unitAt = (height) =>
    drawn.units[Math.max(0, Math.min(H - 1, Math.floor(height / all.row)))];
  const hover = (unit) => {
    hovered = unit;
    redraw();
  };
  for (const { box } of [...(chart ? [chart] : []), strip]) scrub(box, T, goTo);
  for (const { box } of all.maps) {
    scrub(box, T, goTo, (step, height) => put(model, { step, unit: unitAt(height) }));
    box.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && !event.buttons) {
        hover(unitAt(event.clientY - box.getBoundingClientRect().top));
      }
    });
    box.addEventListener("pointerleave", () => hover(null));
  }
  all.node.addEventListener("keydown", (event) => {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1],
      ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    if (!down && !right) return;
    event.preventDefault(); // or the page scrolls
    const place = Math.max(0, Math.min(H - 1, drawn.units.indexOf(model.get("unit")) + down));
    put(model, { unit: drawn.units[place],
      step: Math.max(0, Math.min(T - 1, model.get("step") + right)) });
  });
  return live({ model, el }, "sequence",
    [...(written ? [written.node] : []), ...(chart ? [chart.node] : []), steps.node, strip.node,
      chosen.unit.row, chosen.sort.row, goal.node, all.legend, all.node],
    redraw, steps.stop);
}

export default { render };
