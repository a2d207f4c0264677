// Parts that widgets share. Python joins this text in front of a widget's module (see _base.py),
// so nothing here is imported or exported. COLORS, the palette by symbol, is defined before it.

// All rules of all widgets. Text is currentColor throughout, so it follows the page's theme.
const STYLE = `
.gru-explorer { max-width: 780px; margin: 1rem auto; color: inherit;
  font-size: 15px; line-height: 1.5; font-variant-numeric: tabular-nums; }
.gru-explorer *, .gru-explorer *::before { box-sizing: border-box; }
.gru-explorer i, .gru-explorer .gru-k { font-family: "STIX Two Text", Cambria, Georgia, serif; }
.gru-explorer sub { font-size: 75%; line-height: 0; }
.gru-explorer p { margin: 0; }
.gru-picture, .gru-chart { display: block; margin: 0 auto; }
.gru-explorer:not(.gru-is-wide) .gru-wide, .gru-is-wide .gru-narrow { display: none; }
.gru-sliders { display: grid; gap: 0 2.5rem; margin: 0.75rem 0; }
.gru-is-wide .gru-sliders { grid-template-columns: 1fr 1fr; }
.gru-explorer .gru-slider, .gru-explorer .gru-switch { display: grid; align-items: center;
  min-height: 44px; margin: 0; font-size: inherit; color: inherit; cursor: pointer; }
.gru-slider { grid-template-columns: 8em minmax(0, 1fr) 3.9em; gap: 0.4em; }
.gru-slider[hidden] { display: none !important; }
.gru-switch { grid-template-columns: auto 1fr; gap: 0.7em; }
.gru-is-wide .gru-switch { grid-column: 1 / -1; justify-self: center; }
/* A number that changes must not make the page lay itself out again. */
.gru-reading { contain: strict; height: 1.5em; text-align: right; }
.gru-explorer input[type="range"] { appearance: none; width: 100%; height: 44px; margin: 0;
  padding: 0; border: 0; color: inherit; background: none; cursor: pointer;
  touch-action: pan-y; }
.gru-explorer input[type="range"]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px;
  background: color-mix(in srgb, currentColor 30%, transparent); }
.gru-explorer input[type="range"]::-moz-range-track { height: 4px; border-radius: 2px;
  background: color-mix(in srgb, currentColor 30%, transparent); }
.gru-explorer input[type="range"]::-webkit-slider-thumb { appearance: none; width: 22px;
  height: 22px; margin-top: -9px; border: 2px solid currentColor; border-radius: 50%;
  background: var(--gru-color); }
.gru-explorer input[type="range"]::-moz-range-thumb { width: 18px; height: 18px;
  border: 2px solid currentColor; border-radius: 50%; background: var(--gru-color); }
.gru-explorer input[type="checkbox"] { appearance: none; width: 44px; height: 24px; margin: 0;
  border: 2px solid currentColor; border-radius: 12px; background: none; cursor: pointer; }
.gru-explorer input[type="checkbox"]::before { content: ""; display: block; width: 14px;
  height: 14px; margin: 3px; border-radius: 50%; background: currentColor; }
.gru-explorer input[type="checkbox"]:checked { background: color-mix(in srgb, currentColor 25%,
  transparent); }
.gru-explorer input[type="checkbox"]:checked::before { margin-left: 23px; }
.gru-explorer :is(input, button):focus-visible { outline: 3px solid currentColor; outline-offset: 2px;
  border-radius: 6px; }
.gru-explorer button { min-width: 6.5em; min-height: 44px; padding: 0 1em; font: inherit;
  color: inherit; background: none; border: 2px solid currentColor; border-radius: 8px;
  cursor: pointer; }
.gru-equations { display: grid; gap: 0.15rem; width: fit-content; max-width: 100%;
  margin: 0.75rem auto; }
.gru-equations p { padding-left: 3.4em; text-indent: -3.4em; }
.gru-equations p > span { display: inline-block; text-indent: 0; }
.gru-equations b { font-weight: 600; border-bottom: 3px solid var(--gru-color); }
.gru-lead { width: 1.4em; text-align: right; }
.gru-strip { margin-top: 1.25rem; }
.gru-chart { width: 100%; height: auto; }
.gru-explorer .gru-chart { margin-top: 0.4rem; }
.gru-player { display: grid; grid-template-columns: auto 1fr; gap: 0 0.9em;
  align-items: center; }
.gru-player input { grid-row: 2; grid-column: 1 / -1; }
.gru-is-wide .gru-player { grid-template-columns: auto minmax(0, 1fr) auto; }
.gru-is-wide .gru-player input { grid-row: auto; grid-column: auto; }
.gru-step { min-width: 8.6em; text-align: right; }
.gru-key { display: inline-block; width: 22px; height: 0; margin-right: 0.4em;
  vertical-align: middle; border-top: 3px solid var(--gru-color); }
.gru-key-dashed { border-top-style: dashed; }
.gru-title { font-weight: 600; }
.gru-legend { display: flex; flex-wrap: wrap; gap: 0 1.5em; }
`;

function addStyle() {
  if (document.querySelector("style[data-gru]")) return;
  const style = document.createElement("style");
  style.dataset.gru = "";
  style.textContent = STYLE;
  document.head.append(style);
}

// A number to three digits, with a true minus sign and no minus zero.
function digits(value) {
  const text = value.toFixed(Math.abs(value) < 0.9995 ? 3 : 2);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Markup that this project wrote itself; numbers and other data go through text nodes.
function markup(tag, html, attributes = {}) {
  const node = element(tag, attributes);
  node.innerHTML = html;
  return node;
}

// A redraw has to fit into one frame on a slow phone, and writing what is already there costs layout.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function set(node, name, value) {
  if (node.getAttribute(name) !== `${value}`) node.setAttribute(name, value);
}

// Show a number: to three digits for the eye, in full for whoever reads data-value.
function show(node, value) {
  write(node, digits(value));
  set(node, "data-value", value);
}

// Tell whether `node` is wide enough for the wide forms, now and whenever that changes.
function watchWidth(node, tell) {
  const observer = new ResizeObserver(([entry]) => {
    const wide = entry.contentRect.width >= 620;
    if (node.classList.contains("gru-is-wide") === wide) return;
    node.classList.toggle("gru-is-wide", wide);
    tell(wide);
  });
  observer.observe(node);
  return () => observer.disconnect();
}

// A range input. JupyterLab takes the arrow keys for itself unless the input says otherwise.
function rangeInput(label, min, max, step, color) {
  return element("input", {
    type: "range", min, max, step, "aria-label": label,
    style: `--gru-color: ${color}`, "data-lm-suppress-shortcuts": "true",
  });
}

// A labelled slider on one of the model's numbers. `update` shows what the model holds, which
// may lie between two stops of the slider when Python set it.
function slider(model, key, { label, name, min, max, step, color }) {
  const input = rangeInput(name, min, max, step, color);
  const reading = element("span", { class: "gru-reading", "data-reading": key });
  const row = element("label", { class: "gru-slider", "data-slider": key },
    markup("span", label), input, reading);
  input.addEventListener("input", () => {
    model.set(key, Number(input.value));
    model.save_changes();
  });
  return {
    row,
    update() {
      const value = model.get(key);
      if (Number(input.value) !== value) input.value = value;
      set(input, "aria-valuetext", digits(value));
      show(reading, value);
    },
  };
}

// Call `redraw` when any of the keys changes; the answer undoes it.
function follow(model, keys, redraw) {
  for (const key of keys) model.on(`change:${key}`, redraw);
  return () => {
    for (const key of keys) model.off(`change:${key}`, redraw);
  };
}
