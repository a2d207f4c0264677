// What widgets draw numbers on: axes, a line that is played, a legend. Joined like parts.mjs.

// Axes to draw on: `x` and `y` are { min, max, ticks, label, log }. The node is shown in the wide or
// the narrow form; px and py map numbers to pixels, `line` a row of points to a path.
function axes(form, width, height, { x, y, label }) {
  const [left, right, top, bottom] = [44, width - 14, 12, height - 36];
  const scale = ({ min, max, log }, from, to) => {
    const at = log ? Math.log10 : (value) => value;
    return (value) => from + ((to - from) * (at(value) - at(min))) / (at(max) - at(min));
  };
  const px = scale(x, left, right);
  const py = scale(y, bottom, top);
  const path = (attributes) => svg("path", { fill: "none", "stroke-linejoin": "round",
    ...attributes });
  const power = (value) => {
    const exponent = Math.round(Math.log10(value));
    return exponent === 0 ? ["1"] : ["10", svg("tspan", { "font-size": "75%", dy: -5 },
      `${exponent}`.replace("-", "−"))];
  };
  const words = (value, { log }) => (log ? power(value) : [`${value}`.replace("-", "−")]);
  const rows = y.ticks.map((value) => svg("g", {},
    path({ d: `M${left} ${py(value)}H${right}`, stroke: COLORS.neutral, "stroke-opacity": 0.35 }),
    svg("text", { x: left - 8, y: py(value) + 4, "text-anchor": "end" }, ...words(value, y))));
  const columns = x.ticks.map((value) =>
    svg("text", { x: px(value), y: bottom + 16, "text-anchor": "middle" }, ...words(value, x)));
  const name = svg("text", { x: (left + right) / 2, y: height - 3, "text-anchor": "middle" },
    x.label);
  return {
    node: svg("svg", { class: `gru-chart gru-${form}`, viewBox: `0 0 ${width} ${height}`,
      role: "img", "aria-label": label, fill: "currentColor", "font-size": 12 },
      ...rows, ...columns, name),
    px, py, path,
    line: (xs, ys) => "M" + ys.map((value, k) =>
      `${px(xs[k]).toFixed(1)} ${py(value).toFixed(1)}`).join("L"),
  };
}

// A line on such axes over `xs`, pale ahead of step k, strong as far as it has been played, with a
// dot in between.
function playedLine({ px, py, path, line }, xs, color) {
  const ahead = path({ stroke: color, "stroke-width": 2, "stroke-opacity": 0.35 });
  const played = path({ stroke: color, "stroke-width": 3.5, "stroke-linecap": "round" });
  const head = svg("circle", { r: 6, fill: color, stroke: "currentColor", "stroke-width": 1.5 });
  return {
    nodes: [ahead, played, head],
    update(ys, k) {
      set(ahead, "d", line(xs.slice(k), ys.slice(k)));
      set(played, "d", line(xs, ys.slice(0, k + 1)));
      set(head, "cx", px(xs[k]));
      set(head, "cy", py(ys[k]));
    },
  };
}

// An entry of a legend: a short line and what it stands for.
function legendKey(color, dashed, html) {
  return element("span", {},
    element("span", { class: `gru-key${dashed ? " gru-key-dashed" : ""}`,
      style: `--gru-color: ${color}` }), markup("span", html));
}
