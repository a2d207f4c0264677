// What the explorers of one step of a cell share: the picture that moves, the gates' sliders and
// their switch, the equations with their numbers, the strip of steps. Joined like parts.mjs.

import { controls, grid, presets, put } from "./controls.mjs";
import { digits, element, goalLine, live, markup, read, set, show, svg, write } from "./parts.mjs";

/**
 * @import { Axes } from "./chart.mjs"
 * @import { Model } from "./parts.mjs"
 */

/**
 * The step's numbers by name; `drive` among them says whether the gates are set directly.
 * @typedef {Record<string, any>} Values
 */

export const STRIP = { last: 50, perSecond: 12 };
export const STRIP_TIMES = Array.from({ length: STRIP.last + 1 }, (_, k) => k);
/** @type {Record<string, string>} */
export const SYMBOL = { x: "<i>x<sub>t</sub></i>", h_prev: "<i>h<sub>t−1</sub></i>",
  h: "<i>h<sub>t</sub></i>", c_prev: "<i>c<sub>t−1</sub></i>", c: "<i>c<sub>t</sub></i>" };

// --- the picture ---------------------------------------------------------------------------------

/**
 * Path of the part of a circle that a value fills, as `filled` in _gate_diagram.py.
 * @param {{ cx: number, cy: number, radius: number }} circle
 * @param {number} share
 * @param {boolean} signed
 */
export function level({ cx, cy, radius }, share, signed) {
  // A full circle's arc would begin where it ends, and be drawn as none.
  const height = signed ? share : Math.min(0.9998, 2 * share - 1);
  const half = radius * Math.sqrt(Math.max(0, 1 - height * height));
  const y = cy - radius * height;
  const arc = `A${radius} ${radius} 0`;
  const [left, right, top] = [cx - half, cx + half, y].map((value) => value.toFixed(2));
  if (signed) {
    const sweep = share > 0 ? 1 : 0;
    return `M${cx - radius} ${cy}${arc} 0 ${sweep} ${left} ${top}` +
      `H${right}${arc} 0 ${sweep} ${cx + radius} ${cy}Z`;
  }
  return `M${left} ${top}${arc} ${height > 0 ? 1 : 0} 0 ${right} ${top}Z`;
}

/**
 * Moves the parts of a drawn step that carry data-wire, data-level, data-number or data-hand.
 * `spans` holds the largest size of what fills a circle, `gates` those that have no sign, `units`
 * how many pixels wider a wire grows with each unit of its value, where that is not four.
 * @template {Element} Picture
 * @param {Picture} node
 * @param {{
 *   spans: Record<string, number>, gates: string[], units: Record<string, number>,
 * }} how
 */
export function stepPicture(node, { spans, gates, units }) {
  /**
   * @param {string} name
   * @returns {[Element, string][]}
   */
  const find = (name) => [...node.querySelectorAll(`[data-${name}]`)]
    .map((found) => [found, found.getAttribute(`data-${name}`) ?? ""]);
  const [wires, numbers, hand] = ["wire", "number", "hand"].map(find);
  const levels = find("level").map(([path, key]) => {
    const circle = /** @type {Element} */ (path.nextElementSibling);
    const [cx, cy, radius] = ["cx", "cy", "r"].map((name) => Number(circle.getAttribute(name)));
    return [path, key, { cx, cy, radius }];
  });
  let shown = {};
  return {
    node,
    update(values) {
      const moved = (parts) => parts.filter(([, key]) => values[key] !== shown[key]);
      for (const [path, key] of moved(wires)) {
        set(path, "stroke-width", (1 + Math.abs(values[key]) * (units[key] ?? 4)).toFixed(2));
      }
      for (const [path, key, circle] of moved(levels)) {
        // The cell may grow past its span, and its circle is then full.
        const share = Math.max(-1, Math.min(1, values[key] / spans[key]));
        set(path, "d", level(circle, share, !gates.includes(key)));
      }
      for (const [text, key] of moved(numbers)) write(text, digits(values[key]));
      // A gate that is driven directly has no pre-activation.
      for (const [part] of hand) set(part, "visibility", values.drive ? "hidden" : "inherit");
      shown = values;
    },
  };
}

// --- the sliders ---------------------------------------------------------------------------------

/** @param {string} gate */
const preActivation = (gate) => `<i>a<sub>${gate}</sub></i>`;

/**
 * Sliders of the inputs and of each gate: of its pre-activation or, once a switch says so, of the
 * gate itself. `current()` gives the step's values.
 * @param {Model} model
 * @param {string[]} gates
 * @param {() => Values} current
 */
function stepControls(model, gates, current) {
  const sliders = controls(model);
  const { node, update } = grid(sliders);
  const box = element("input", { type: "checkbox", role: "switch",
    "data-lm-suppress-shortcuts": "true" });
  box.addEventListener("change", () => {
    const drive = box.checked; // each set below redraws, the box included
    // Hand the gates over as they stand, so that nothing jumps.
    const values = current();
    for (const gate of gates) {
      const odds = values[gate] / (1 - values[gate]);
      if (drive) model.set(gate, values[gate]);
      else model.set(`a_${gate}`, Math.max(-8, Math.min(8, Math.log(odds))));
    }
    put(model, { drive });
  });
  node.append(element("label", { class: "gru-switch", "data-switch": "drive" }, box,
    markup("span", SETTINGS.drive.label)));
  return {
    node,
    /** @param {Values} values */
    update({ drive }) {
      update();
      for (const gate of gates) {
        sliders[`a_${gate}`].row.hidden = drive;
        sliders[gate].row.hidden = !drive;
      }
      box.checked = drive;
    },
  };
}

// --- the equations, with their numbers -----------------------------------------------------------

/**
 * A line "name = formula = numbers = result"; `update` takes the three as HTML, text and number.
 * @param {string} name
 * @param {string} key
 * @param {string} color
 */
export function equation(name, key, color) {
  const formula = element("span");
  const numbers = element("span");
  const result = element("b", { "data-out": key, style: `--gru-color: ${color}` });
  let shown = "";
  const node = element("p", {}, markup("span", name, { class: "gru-lead" }), " = ", formula, " ",
    numbers, " ", element("span", {}, "= ", result));
  return {
    node,
    /**
     * @param {string} html
     * @param {string} text
     * @param {number} value
     */
    update(html, text, value) {
      if (html !== shown) formula.innerHTML = shown = html;
      write(numbers, text && `= ${text}`);
      show(result, value);
    },
  };
}

/**
 * The equations of `keys`, in this order. `formulas(values)` gives the formula and its numbers for
 * each that is no gate.
 * @param {string[]} keys
 * @param {string[]} gates
 * @param {(values: Values) => Record<string, [string, string]>} formulas
 */
function stepEquations(keys, gates, formulas) {
  const rows = keys.map((key) =>
    ({ key, ...equation(SYMBOL[key] ?? `<i>${key}</i>`, key, COLORS[key]) }));
  return {
    node: element("div", { class: "gru-equations" }, ...rows.map(({ node }) => node)),
    /** @param {Values} values */
    update(values) {
      const written = formulas(values);
      for (const { key, update } of rows) {
        if (!gates.includes(key)) update(...written[key], values[key]);
        else if (values.drive) update("set by hand", "", values[key]);
        else update(`σ(${preActivation(key)})`, `σ(${digits(values[`a_${key}`])})`, values[key]);
      }
    },
  };
}

// --- the strip of steps --------------------------------------------------------------------------

/**
 * In how many steps a gate that stays at `value` halves what it copies.
 * @param {number} value
 */
const halfLifeOf = (value) => (value === 1 ? Infinity : Math.log(0.5) / Math.log(value));

/**
 * What is left of `first` after each step, where a gate copies it, and a dot at the half of it.
 * @param {Axes} axes
 * @param {string} color
 */
export function leftOver({ px, py, path, line }, color) {
  const left = path({ stroke: color, "stroke-width": 2, "stroke-dasharray": "6 4" });
  const dot = svg("circle", { r: 5, fill: color, stroke: "currentColor" });
  return {
    nodes: [left, dot],
    /**
     * @param {number} first
     * @param {number} gate
     */
    update(first, gate) {
      const halfLife = halfLifeOf(gate);
      set(left, "d", line(STRIP_TIMES, STRIP_TIMES.map((k) => first * gate ** k)));
      set(dot, "cx", px(Math.min(halfLife, STRIP.last)));
      set(dot, "cy", py(first / 2));
      set(dot, "visibility", halfLife > STRIP.last || first === 0 ? "hidden" : "inherit");
    },
  };
}

/**
 * A sentence on how long a gate keeps what it copies, `what`: the state or the cell.
 * @param {string} gate
 * @param {string} what
 */
export function halfLifeLine(gate, what) {
  const node = element("p", { "data-out": "half_life" });
  /**
   * @param {number} value
   * @param {number} halfLife
   */
  const sentence = (value, halfLife) => {
    if (value === 1) return `At ${gate} = 1 the ${what} is kept for ever.`;
    if (value === 0) return `At ${gate} = 0 nothing of the ${what} is copied.`;
    // Near either end three digits would read 0 or 1.
    const shown = value < 0.001 || value > 0.999 ? value.toFixed(5) : digits(value);
    const steps = halfLife < 100 ? halfLife.toFixed(1) : halfLife.toFixed(0);
    return `At ${gate} = ${shown} half of the copied ${what} is left after ${steps} steps.`;
  };
  return {
    node,
    /** @param {number} value */
    update(value) {
      const halfLife = halfLifeOf(value);
      write(node, sentence(value, halfLife));
      set(node, "data-value", halfLife);
    },
  };
}

// --- all of it -----------------------------------------------------------------------------------

/**
 * An explorer of one step, as `render` returns it. `step` makes the values of the settings, `keys`
 * are the values that have an equation, `readings` gives what a goal may ask for.
 * @param {{ model: Model, el: Element }} host
 * @param {string} name the root's class, gru-NAME
 * @param {{
 *   gates: string[],
 *   step: (settings: any) => Values,
 *   pictures: Record<"wide" | "narrow", { node: Node, update: (values: Values) => void }>,
 *   keys: string[],
 *   formulas: (values: Values) => Record<string, [string, string]>,
 *   strip: {
 *     node: Node, stop: () => void,
 *     update: (settings: any, values: any, form: "wide" | "narrow") => any[],
 *   },
 *   readings: (values: Values, states: any[]) => Record<string, number>,
 * }} what
 */
export function explorer({ model, el }, name,
  { gates, step, pictures, keys, formulas, strip, readings }) {
  const sliders = stepControls(model, gates, () => step(read(model)));
  const lines = stepEquations(keys, gates, formulas);
  const goal = goalLine(model);
  return live({ model, el }, name,
    [pictures.wide.node, pictures.narrow.node, presets(model), sliders.node, goal.node, lines.node,
      strip.node],
    (state, form) => {
      const values = step(state);
      pictures[form].update(values);
      sliders.update(state);
      lines.update(values);
      goal.update(readings(values, strip.update(state, values, form)));
    }, strip.stop);
}
