// Launches and kernels over time: two lanes, the CPU above, the GPU below.

import { legendKey } from "./chart.mjs";
import { controls, grid } from "./controls.mjs";
import { element, goalLine, live, outputs, set, show, svg, write } from "./parts.mjs";

const STEPS = 3;
const WAYS = Object.keys(SETTINGS.way.options);

// --- the mathematics, line for line as in launch_timeline.py -------------------------------------

function timeline(issue, work, gap) {
  let free = -Infinity;
  const start = issue.map((launched) => {
    const at = Math.max(launched, free);
    free = at + work + gap;
    return at;
  });
  return { issue, start, end: start.map((at) => at + work) };
}

// What a step is made of on the GPU.
function pieces({ way, kernels, work, gap, barrier }) {
  if (way === "persistent") return { count: 1, work: kernels * work, gap: barrier };
  return { count: kernels, work, gap };
}

function run(state) {
  const { count, work, gap } = pieces(state);
  const issue = Array.from({ length: STEPS * count }, (_, k) =>
    state.launch * (state.way === "eager" ? k + 1 : 1));
  return timeline(issue, work, gap);
}

function bound(state) {
  const { work, gap } = pieces(state);
  if (state.way === "eager" && state.launch > work + gap) return "launches";
  if (gap > work) return state.way === "persistent" ? "barriers" : "gaps";
  return "arithmetic";
}

// From a step's first kernel to the next step's.
function period(state, { end }) {
  return end.at(-1) - end.at(-1 - pieces(state).count);
}

// When the step after the last drawn one would start.
function next(state, lanes) {
  return lanes.start.at(-pieces(state).count) + period(state, lanes);
}

// What a goal may ask for, as LaunchTimeline.readings.
function readings(state, lanes) {
  const { way, ...numbers } = state;
  const time = period(state, lanes);
  const arithmetic = state.kernels * state.work;
  return { ...numbers, eager: Number(way === "eager"), arithmetic, time, share: arithmetic / time };
}

// --- the picture ---------------------------------------------------------------------------------

const LANE = 28; // high
const [CPU, GPU, BELOW, AXIS] = [4, 64, 98, 124]; // the upper edges
const LEFT = 36;

// The least 1, 2 or 5 times a power of ten that is no smaller.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((times) => times * power >= value) ?? 10);
}

// Boxes of neighbours stay apart where there is room, and none is too thin to be seen.
function boxes(from, to, y) {
  return from.map((x, k) => {
    const width = to[k] - x;
    const seen = Math.max(width - Math.min(1, width / 4), 0.7).toFixed(2);
    return `M${x.toFixed(2)} ${y}h${seen}v${LANE}h-${seen}z`;
  });
}

function picture() {
  const path = (attributes) => svg("path", { fill: "none", ...attributes });
  const text = (attributes, ...parts) => svg("text", attributes, ...parts);
  const lanes = path({ fill: "currentColor", "fill-opacity": 0.09 });
  const lines = path({ stroke: COLORS.neutral });
  // The steps in turn, so that they can be told apart.
  const shaded = (fill) => [1, 0.6].map((opacity) => path({ fill, "fill-opacity": opacity }));
  const [launches, kernels] = [shaded(COLORS.neutral), shaded(COLORS.h)];
  const gaps = path({ fill: COLORS.neutral });
  const links = path({ stroke: "currentColor", "stroke-opacity": 0.5 });
  const braces = path({ stroke: "currentColor" });
  const numbers = Array.from({ length: STEPS }, (_, i) => text({ y: BELOW + 18 }, `${i + 1}`));
  const ticks = Array.from({ length: 9 }, () => text({ y: AXIS + 16 }));
  const name = text({ y: AXIS + 34 }, "microseconds");
  const left = { x: 0, "text-anchor": "start" };
  const node = svg("svg", { class: "gru-chart", role: "img", fill: "currentColor", "font-size": 12,
    "text-anchor": "middle", "data-out": "timeline", "aria-label": "Two lanes over time: above, " +
      "the launches that the CPU makes; below, the kernels that the GPU runs, step by step, and " +
      "where it stands idle. The numbers are written below." },
  lanes, lines, ...launches, ...kernels, gaps, links, braces,
  text({ ...left, y: CPU + 19 }, "CPU"), text({ ...left, y: GPU + 19 }, "GPU"),
  text({ ...left, y: BELOW + 18 }, "step"), ...numbers, ...ticks, name);
  return {
    node,
    update(state, drawn, wide) {
      const width = wide ? 740 : 340;
      const right = width - 14;
      // The same scale in every way, so that a change of the way can be seen.
      const most = Math.max(...WAYS.map((way) =>
        next({ ...state, way }, run({ ...state, way }))));
      const px = (time) => LEFT + ((right - LEFT) * time) / most;
      const { count, gap } = pieces(state);
      const [start, end] = [drawn.start.map(px), drawn.end.map(px)];
      const made = state.way === "eager" ? drawn.issue : [state.launch];

      set(node, "viewBox", `0 0 ${width} ${AXIS + 40}`);
      set(lanes, "d", [CPU, GPU].map((y) => `M${LEFT} ${y}H${right}v${LANE}H${LEFT}z`).join(""));
      const shade = (paths, all) => paths.forEach((each, odd) => set(each, "d",
        all.filter((_, k) => Math.floor(k / count) % 2 === odd).join("")));
      shade(launches, boxes(made.map((time) => px(time - state.launch)), made.map(px), CPU));
      shade(kernels, boxes(start, end, GPU));
      const after = (px(gap) - px(0)).toFixed(2);
      set(gaps, "d", end.slice(0, -1).map((x) =>
        `M${x.toFixed(2)} ${GPU + LANE / 2 - 2}h${after}v4h-${after}z`).join(""));
      set(links, "d", made.map((time, k) =>
        `M${px(time).toFixed(2)} ${CPU + LANE}L${start[k].toFixed(2)} ${GPU}`).join(""));
      const begun = [...start.filter((_, k) => k % count === 0), px(next(state, drawn))];
      const steps = numbers.map((_, i) => [begun[i], begun[i + 1]]);
      set(braces, "d", steps.map(([from, to]) =>
        `M${from.toFixed(2)} ${BELOW}v4H${to.toFixed(2)}v-4`).join(""));
      const pitch = begun[1] - begun[0];
      numbers.forEach((each, i) => {
        set(each, "x", ((steps[i][0] + steps[i][1]) / 2).toFixed(1));
        set(each, "visibility", pitch > 9 ? "inherit" : "hidden");
      });

      const apart = roundUp(most / (wide ? 8 : 4));
      const times = ticks.map((_, i) => i * apart);
      set(lines, "d", times.filter((time) => time <= most).map((time) =>
        `M${px(time).toFixed(2)} ${AXIS}v4`).join("") + `M${LEFT} ${AXIS}H${right}`);
      ticks.forEach((each, i) => {
        write(each, `${Number(times[i].toPrecision(6))}`);
        set(each, "x", px(times[i]).toFixed(1));
        set(each, "visibility", times[i] <= most ? "inherit" : "hidden");
      });
      set(name, "x", (LEFT + right) / 2);
      for (const key of ["issue", "start", "end"]) set(node, `data-${key}`, drawn[key].join(","));
    },
  };
}

// --- the words -----------------------------------------------------------------------------------

function legend() {
  const patch = (color, name) => element("span", {},
    element("span", { class: "gru-patch", style: `background: ${color}` }), name);
  return element("div", { class: "gru-legend" },
    patch(COLORS.neutral, "a launch"), patch(COLORS.h, "the GPU computes"),
    legendKey(COLORS.neutral, false, "gap or barrier"), element("span", {},
      element("span", { style: "display: inline-block; height: 1em; margin-right: 0.5em; " +
        "vertical-align: middle; border-left: 1px solid; opacity: 0.5" }),
      "from a launch to its kernel"));
}

function words() {
  const outs = outputs(["time", "arithmetic", "share"]);
  const why = element("span", { "data-out": "bound" });
  return {
    node: element("p", { class: "gru-timeline-said" }, "A step takes ", outs.time,
      " microseconds. The GPU computes in ", outs.arithmetic, " of them, which is ", outs.share,
      " of the time. ", why),
    update(state, values) {
      show(outs.time, values.time);
      show(outs.arithmetic, values.arithmetic);
      write(outs.share, `${(100 * values.share).toFixed(1)}\u00a0%`);
      set(outs.share, "data-value", values.share);
      const by = bound(state);
      write(why, BOUNDS[by]);
      set(why, "data-value", by);
    },
  };
}

// -------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const drawn = picture();
  const said = words();
  const { way, ...numbers } = controls(model);
  const sliders = grid(numbers);
  const goal = goalLine(model);
  return live({ model, el }, "timeline",
    [way.row, legend(), drawn.node, said.node, sliders.node,
      element("p", {}, "All settings are an example to be moved, not measurements of a device."),
      goal.node],
    (state, form) => {
      const lanes = run(state);
      const values = readings(state, lanes);
      drawn.update(state, lanes, form === "wide");
      said.update(state, values);
      way.update();
      sliders.update();
      goal.update(values);
    });
}

export default { render };
