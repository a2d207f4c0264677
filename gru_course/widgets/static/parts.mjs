// Parts that widgets share. Python joins this text in front of a widget's module (see _base.py),
// so nothing here is imported or exported. COLORS, the palette by symbol, is defined before it.

// All rules of all widgets. Text is currentColor throughout, so it follows the page's theme.
const STYLE = `
.gru-live { max-width: 780px; margin: 1rem auto; color: inherit;
  font-size: 15px; line-height: 1.5; font-variant-numeric: tabular-nums; }
.gru-live *, .gru-live *::before { box-sizing: border-box; }
.gru-live i, .gru-live .gru-k { font-family: "STIX Two Text", Cambria, Georgia, serif; }
.gru-live sub { font-size: 75%; line-height: 0; }
.gru-live p { margin: 0; }
.gru-picture, .gru-chart { display: block; margin: 0 auto; }
.gru-live:not(.gru-is-wide) .gru-wide, .gru-is-wide .gru-narrow { display: none; }
.gru-sliders { display: grid; gap: 0 2.5rem; margin: 0.75rem 0; }
.gru-is-wide .gru-sliders { grid-template-columns: 1fr 1fr; }
.gru-live .gru-slider, .gru-live .gru-switch { display: grid; align-items: center;
  min-height: 44px; margin: 0; font-size: inherit; color: inherit; cursor: pointer; }
.gru-slider { grid-template-columns: 8em minmax(0, 1fr) 3.9em; gap: 0.4em; }
.gru-slider[hidden] { display: none !important; }
.gru-switch { grid-template-columns: auto 1fr; gap: 0.7em; }
.gru-is-wide .gru-switch { grid-column: 1 / -1; justify-self: center; }
/* A number that changes must not make the page lay itself out again. */
.gru-reading { contain: strict; height: 1.5em; text-align: right; }
.gru-live input[type="range"] { appearance: none; width: 100%; height: 44px; margin: 0;
  padding: 0; border: 0; color: inherit; background: none; cursor: pointer;
  touch-action: pan-y; }
.gru-live input[type="range"]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px;
  background: color-mix(in srgb, currentColor 30%, transparent); }
.gru-live input[type="range"]::-moz-range-track { height: 4px; border-radius: 2px;
  background: color-mix(in srgb, currentColor 30%, transparent); }
.gru-live input[type="range"]::-webkit-slider-thumb { appearance: none; width: 22px;
  height: 22px; margin-top: -9px; border: 2px solid currentColor; border-radius: 50%;
  background: var(--gru-color); }
.gru-live input[type="range"]::-moz-range-thumb { width: 18px; height: 18px;
  border: 2px solid currentColor; border-radius: 50%; background: var(--gru-color); }
.gru-live input[type="checkbox"] { appearance: none; width: 44px; height: 24px; margin: 0;
  border: 2px solid currentColor; border-radius: 12px; background: none; cursor: pointer; }
.gru-live input[type="checkbox"]::before { content: ""; display: block; width: 14px;
  height: 14px; margin: 3px; border-radius: 50%; background: currentColor; }
.gru-live input[type="checkbox"]:checked { background: color-mix(in srgb, currentColor 25%,
  transparent); }
.gru-live input[type="checkbox"]:checked::before { margin-left: 23px; }
.gru-live :is(input, button, .gru-maps):focus-visible { outline: 3px solid currentColor;
  outline-offset: 2px; border-radius: 6px; }
.gru-live button { min-width: 6.5em; min-height: 44px; padding: 0 1em; font: inherit;
  color: inherit; background: none; border: 2px solid currentColor; border-radius: 8px;
  cursor: pointer; }
.gru-equations { display: grid; gap: 0.15rem; width: fit-content; max-width: 100%;
  margin: 0.75rem auto; }
.gru-equations p { padding-left: 3.4em; text-indent: -3.4em; }
.gru-equations p > span { display: inline-block; text-indent: 0; }
.gru-equations b { font-weight: 600; border-bottom: 3px solid var(--gru-color); }
.gru-live .gru-goal { margin: 0.75rem 0; padding: 0.5rem 0.75rem; min-height: 4.5em;
  border-left: 4px solid currentColor;
  background: color-mix(in srgb, currentColor 8%, transparent); }
.gru-live .gru-goal.gru-solved { border-left-color: ${COLORS.z};
  background: color-mix(in srgb, ${COLORS.z} 20%, transparent); }
.gru-lead { width: 1.4em; text-align: right; }
.gru-strip { margin-top: 1.25rem; }
.gru-chart { width: 100%; height: auto; }
.gru-live .gru-chart { margin-top: 0.4rem; }
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
.gru-tokens { margin-bottom: 0.75rem; font-family: ui-monospace, Consolas, monospace;
  font-size: 16px; line-height: 1.7; white-space: pre-wrap; overflow-wrap: anywhere;
  tab-size: 4; cursor: pointer; touch-action: manipulation; }
.gru-words span { margin-right: 0.4em; }
.gru-tokens .gru-now { outline: 2.5px solid currentColor; border-radius: 2px; }
.gru-plot-row { display: grid; grid-template-columns: 4.4em minmax(0, 1fr); gap: 0.5em;
  margin-top: 0.5rem; }
.gru-gutter { display: flex; flex-direction: column; justify-content: space-between;
  font-size: 13px; line-height: 1.2; text-align: right; }
.gru-plot { position: relative; cursor: crosshair; touch-action: pan-y; user-select: none;
  box-shadow: 0 0 0 1px color-mix(in srgb, currentColor 30%, transparent); }
.gru-plot > :is(canvas, svg) { position: absolute; inset: 0; width: 100%; height: 100%;
  overflow: visible; image-rendering: pixelated; }
.gru-cursor { position: absolute; top: -2px; bottom: -2px; min-width: 5px;
  border: 1.5px solid currentColor; transform: translateX(-50%); pointer-events: none; }
.gru-row { position: absolute; inset-inline: 0; border: 1.5px solid currentColor;
  pointer-events: none; }
.gru-plot-row + p, .gru-sequence .gru-player { margin-top: 0.5rem; }
.gru-said { min-height: 6em; } /* or what is below would jump from step to step */
.gru-is-wide .gru-said { min-height: 3em; }
.gru-patch { display: inline-block; width: 22px; height: 12px; margin-right: 0.4em; }
.gru-live .gru-share { margin-top: 0.75rem; }
.gru-live fieldset { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; min-width: 0;
  margin: 0.5rem 0; padding: 0; border: 0; }
.gru-live legend { float: left; width: auto; padding: 0; margin: 0 0.5rem 0 0;
  font-size: inherit; }
.gru-live .gru-choice { display: inline-flex; align-items: center; min-height: 44px; margin: 0;
  padding: 0 0.9em; border: 2px solid currentColor; border-radius: 8px; cursor: pointer;
  font-size: inherit; color: inherit; }
.gru-choice:has(:checked) { background: color-mix(in srgb, currentColor 20%, transparent);
  font-weight: 600; }
.gru-choice:has(:focus-visible) { outline: 3px solid currentColor; outline-offset: 2px; }
.gru-live .gru-choice input { position: absolute; opacity: 0; pointer-events: none; }
.gru-unroll .gru-lead { width: auto; }
/* As high as the longest step, so that what is below does not jump. */
.gru-written { min-height: 11.5em; margin-top: 0.5rem; }
.gru-is-wide .gru-written { min-height: 7.2em; }
.gru-live .gru-sums { width: auto; margin: 0.75rem auto; border-collapse: collapse;
  font-size: inherit; }
.gru-live .gru-sums caption { caption-side: top; padding: 0; text-align: left; color: inherit; }
.gru-live .gru-sums :is(th, td) { min-width: 4.8em; padding: 0.15em 0.4em; border: 0;
  font-weight: inherit; text-align: right; color: inherit; background: none; }
.gru-live .gru-sums th:first-child { min-width: 0; text-align: left; }
.gru-sums .gru-reading { display: block; }
.gru-unroll .gru-sums tbody tr:last-child > * { border-top: 2px solid currentColor !important; }
.gru-scan-columns { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; margin-top: 0.75rem; }
.gru-scan-columns > div { flex: 1 1 300px; min-width: 0; }
.gru-scan [data-pair] { cursor: pointer; touch-action: manipulation; }
.gru-scan-pair { min-height: 10em; margin-top: 0.75rem; } /* as high as the longest pair */
.gru-scan .gru-sums .gru-reading { min-width: 4em; }
.gru-live .gru-timeline-said { min-height: 7.5em; margin: 0.5rem 0; } /* the longest bound */
.gru-is-wide .gru-timeline-said { min-height: 4.5em; }
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
// A text that stays in its place and changes is cheaper than a new one.
function write(node, text) {
  if (!node.firstChild) node.append(text);
  else if (node.firstChild.data !== text) node.firstChild.data = text;
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
// may lie between two stops of the slider when Python set it; `words` writes it for the eye.
function slider(model, key, { label, name, min, max, step, color, words = digits }) {
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
      set(input, "aria-valuetext", words(value));
      write(reading, words(value));
      set(reading, "data-value", value);
    },
  };
}

// One of a few words, as radio buttons. `options` maps the model's values to what is shown.
function choice(model, key, { name, options }) {
  const group = `gru-${key}-${Math.random().toString(36).slice(2)}`; // one a widget
  const inputs = Object.entries(options).map(([value, label]) => {
    const input = element("input", { type: "radio", name: group, value,
      "data-lm-suppress-shortcuts": "true" });
    input.addEventListener("change", () => {
      model.set(key, value);
      model.save_changes();
    });
    return [input, element("label", { class: "gru-choice" }, input, label)];
  });
  return {
    row: element("fieldset", { "data-choice": key }, element("legend", {}, name),
      ...inputs.map(([, label]) => label)),
    update() {
      for (const [input] of inputs) input.checked = input.value === model.get(key);
    },
  };
}

// Buttons that set several of the model's numbers at once. `settings` maps labels to them.
function presets(model, settings) {
  const buttons = Object.entries(settings).map(([label, values]) => {
    const button = element("button", { type: "button" }, label);
    button.addEventListener("click", () => {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      model.save_changes();
    });
    return button;
  });
  return element("fieldset", { class: "gru-presets" }, element("legend", {}, "Set to"), ...buttons);
}

// A button, a slider and a reading that go through steps 0 to `last`; `draw(k)` shows step k and
// returns the reading.
function player({ name, last, perSecond, color, draw }) {
  const play = element("button", { type: "button" }, "▶ Play");
  const position = rangeInput(name, 0, last, 1, color);
  const reading = element("span", { class: "gru-step" });
  let k = last;
  let frame = 0;

  function show() {
    position.value = k;
    const text = draw(k);
    write(reading, text);
    set(position, "aria-valuetext", text);
  }
  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    play.textContent = "▶ Play";
  }
  function start() {
    const from = k === last ? 0 : k;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      k = last;
      show();
      return;
    }
    play.textContent = "❚❚ Pause";
    let begin;
    const tick = (now) => {
      begin ??= now;
      k = Math.min(last, from + Math.floor(((now - begin) / 1000) * perSecond));
      show();
      if (k < last) frame = requestAnimationFrame(tick);
      else stop();
    };
    frame = requestAnimationFrame(tick);
  }
  play.addEventListener("click", () => (frame ? stop() : start()));
  position.addEventListener("input", () => {
    stop();
    k = Number(position.value);
    show();
  });
  return {
    node: element("div", { class: "gru-player" }, play, position, reading),
    reading, show, stop,
    // For a step that the model holds: playing goes on unless somebody else set it.
    go(to) {
      if (to !== k) stop();
      k = to;
      show();
    },
  };
}

const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));

// The slider exercise that a widget was set, if any, marked while it is moved. GOALS holds the rules
// of goals.py; the first that is not met answers. Only "Solved" and "Not yet" are read out, so that
// a moving slider does not talk over itself.
function goalLine(model) {
  const name = model.get("goal");
  if (!name) return { node: "", update() {} };
  const { rules, praise } = GOALS[name];
  const verdict = element("strong", { role: "status" });
  const text = element("span");
  const node = element("p", { class: "gru-goal", "data-goal": name }, verdict, " ", text);
  return {
    node,
    update(readings) {
      const unmet = rules.find(([reading, low, high]) => {
        const value = readings[reading];
        return !(value >= (low ?? -Infinity) && value <= (high ?? Infinity));
      });
      const sentence = unmet ? unmet[3] : praise;
      write(verdict, unmet ? "→ Not yet." : "✓ Solved.");
      write(text, sentence.replace(/\{(\w+)\}/g, (_, reading) => digits(readings[reading])));
      set(node, "data-readings", JSON.stringify(readings));
      const solved = node.classList.toggle("gru-solved", !unmet);
      if (solved) node.dispatchEvent(new CustomEvent("gru-solved",
        { bubbles: true, detail: { exercise: name } }));
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
