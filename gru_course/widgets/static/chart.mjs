// What widgets draw numbers on: axes, a line that is played, a legend. Joined like parts.mjs.

import { element, markup, set, svg } from "./parts.mjs";

/** @import { Attributes } from "./parts.mjs" */

/**
 * @typedef {{ min: number, max: number, ticks: number[], label?: string, log?: boolean }} Axis
 * @typedef {ReturnType<typeof axes>} Axes
 */

/**
 * Axes to draw on. The node is shown in the wide or the narrow form; px and py map numbers to
 * pixels, `line` a row of points to a path.
 * @param {"wide" | "narrow"} form
 * @param {number} width
 * @param {number} height
 * @param {{ x: Axis, y: Axis, label: string }} what
 */
export function axes(form, width, height, { x, y, label }) {
  const [left, right, top, bottom] = [44, width - 14, 12, height - 36];
  /**
   * @param {Axis} axis
   * @param {number} from
   * @param {number} to
   */
  const scale = ({ min, max, log }, from, to) => {
    const at = log ? Math.log10 : (/** @type {number} */ value) => value;
    const [first, last] = [at(min), at(max)];
    return (/** @type {number} */ value) =>
      from + ((to - from) * (at(value) - first)) / (last - first);
  };
  const px = scale(x, left, right);
  const py = scale(y, bottom, top);
  /** @param {Attributes} attributes */
  const path = (attributes) => svg("path", { fill: "none", "stroke-linejoin": "round",
    ...attributes });
  /** @param {number} value */
  const power = (value) => {
    const exponent = Math.round(Math.log10(value));
    return exponent === 0 ? ["1"] : ["10", svg("tspan", { "font-size": "75%", dy: -5 },
      `${exponent}`.replace("-", "−"))];
  };
  /**
   * @param {number} value
   * @param {Axis} axis
   */
  const words = (value, { log }) => (log ? power(value) : [`${value}`.replace("-", "−")]);
  const rows = y.ticks.map((value) => svg("g", {},
    path({ d: `M${left} ${py(value)}H${right}`, stroke: COLORS.neutral, "stroke-opacity": 0.35 }),
    svg("text", { x: left - 8, y: py(value) + 4, "text-anchor": "end" }, ...words(value, y))));
  const columns = x.ticks.map((value) =>
    svg("text", { x: px(value), y: bottom + 16, "text-anchor": "middle" }, ...words(value, x)));
  const name = svg("text", { x: (left + right) / 2, y: height - 3, "text-anchor": "middle" },
    x.label ?? "");
  return {
    node: svg("svg", { class: `gru-chart gru-${form}`, viewBox: `0 0 ${width} ${height}`,
      role: "img", "aria-label": label, fill: "currentColor", "font-size": 12 },
    ...rows, ...columns, name),
    px, py, path,
    /**
     * @param {number[]} xs
     * @param {number[]} ys
     */
    line: (xs, ys) => "M" + ys.map((value, k) =>
      `${px(xs[k]).toFixed(1)} ${py(value).toFixed(1)}`).join("L"),
  };
}

/**
 * A line on such axes over `xs`, pale ahead of step k, strong as far as it has been played, with a
 * dot in between.
 * @param {Axes} axes
 * @param {number[]} xs
 * @param {string} color
 */
export function playedLine({ px, py, path, line }, xs, color) {
  const ahead = path({ stroke: color, "stroke-width": 2, "stroke-opacity": 0.35 });
  const played = path({ stroke: color, "stroke-width": 3.5, "stroke-linecap": "round" });
  const head = svg("circle", { r: 6, fill: color, stroke: "currentColor", "stroke-width": 1.5 });
  return {
    nodes: [ahead, played, head],
    /**
     * @param {number[]} ys
     * @param {number} k
     */
    update(ys, k) {
      set(ahead, "d", line(xs.slice(k), ys.slice(k)));
      set(played, "d", line(xs, ys.slice(0, k + 1)));
      set(head, "cx", px(xs[k]));
      set(head, "cy", py(ys[k]));
    },
  };
}

/**
 * An entry of a legend: a short line and what it stands for.
 * @param {string} color
 * @param {boolean} dashed
 * @param {string} html
 */
export function legendKey(color, dashed, html) {
  return element("span", {},
    element("span", { class: `gru-key${dashed ? " gru-key-dashed" : ""}`,
      style: `--gru-color: ${color}` }), markup("span", html));
}
