// What all widgets share. Python joins this file, controls.mjs, chart.mjs and cell.mjs in front of
// each widget's module, in one scope (see _base.py): their names are taken. Names in capitals that
// are defined nowhere here are what Python knows, see constants.d.ts.

/**
 * What a host shares with the widget: anywidget's model, or the page's own (host.mjs).
 * @typedef {{
 *   get: (key: string) => any,
 *   set: (key: string, value: unknown) => void,
 *   on: (event: string, handler: () => void) => void,
 *   off: (event: string, handler: () => void) => void,
 *   save_changes: () => void,
 * }} Model
 */

/** @typedef {Record<string, string | number>} Attributes */

function addStyle() {
  if (document.querySelector("style[data-gru]")) return;
  const style = document.createElement("style");
  style.dataset.gru = "";
  style.textContent = STYLE;
  document.head.append(style);
}

// A number to three digits, with a true minus sign and no minus zero.
/** @param {number} value */
export function digits(value) {
  const text = value.toFixed(Math.abs(value) < 0.9995 ? 3 : 2);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/**
 * A sentence with `words` in place of {0}, {1} and so on.
 * @param {string} sentence
 * @param {string[]} words
 */
export const filled = (sentence, words) => sentence.replace(/\{(\d)\}/g, (_, k) => words[k]);

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/**
 * @template {Element} Made
 * @param {Made} node
 * @param {Attributes} attributes
 * @param {(Node | string)[]} children
 */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, `${value}`);
  node.append(...children);
  return node;
}

/**
 * Markup that this project wrote itself; numbers and other data go through text nodes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} html
 */
export function markup(tag, html, attributes = {}) {
  const node = element(tag, attributes);
  node.innerHTML = html;
  return node;
}

/**
 * Places for numbers in a sentence, by what they show.
 * @param {string[]} names
 */
export const outputs = (names) => byKey(names, (name) => element("b", { "data-out": name }));

/**
 * Write `text` into a node that holds nothing else. A redraw has to fit into one frame on a slow
 * phone, and writing what is already there costs layout; a text that stays in its place and changes
 * is cheaper than a new one.
 * @param {Element} node
 * @param {string} text
 */
export function write(node, text) {
  const held = /** @type {Text | null} */ (node.firstChild);
  if (!held) node.append(text);
  else if (held.data !== text) held.data = text;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string | number | null} value
 */
export function set(node, name, value) {
  if (node.getAttribute(name) !== `${value}`) node.setAttribute(name, `${value}`);
}

/**
 * Show a number: to three digits for the eye, in full for whoever reads data-value.
 * @param {Element} node
 * @param {number} value
 */
export function show(node, value) {
  write(node, digits(value));
  set(node, "data-value", value);
}

/**
 * Tell whether `node` is wide enough for the wide forms, now and whenever that changes.
 * @param {Element} node
 * @param {(wide: boolean) => void} tell
 */
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

/**
 * An object with one entry a key.
 * @template Value
 * @param {string[]} keys
 * @param {(key: string) => Value} make
 * @returns {Record<string, Value>}
 */
export const byKey = (keys, make) => Object.fromEntries(keys.map((key) => [key, make(key)]));

/** @param {number} a */
export const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));

/**
 * The slider exercise that a widget was set, if any, marked while it is moved. The first of its
 * rules that is not met answers. Only "Solved" and "Not yet" are read out, so that a moving slider
 * does not talk over itself.
 * @param {Model} model
 * @returns {{ node: Node | string, update: (readings: Record<string, number>) => void }}
 */
export function goalLine(model) {
  const name = model.get("goal");
  if (!name) return { node: "", update() {} };
  const { rules, praise } = GOALS[name];
  const verdict = element("strong", { role: "status" });
  const text = element("span");
  const node = element("p", { class: "gru-goal", "data-goal": name,
    style: `--gru-color: ${COLORS.z}` }, verdict, " ", text);
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

/**
 * What the model holds of all settings.
 * @param {Model} model
 * @returns {any}
 */
export function read(model) {
  return byKey(Object.keys(SETTINGS), (key) => model.get(key));
}

/**
 * Put a widget in its place, and draw it now and whenever a setting or the room for it changes.
 * @param {{ model: Model, el: Element }} host
 * @param {string} name the root's class, gru-NAME
 * @param {(Node | string)[]} nodes
 * @param {(state: any, form: "wide" | "narrow") => void} draw the other form is left as it is
 * @param {() => void} stop
 * @returns {() => void} what undoes it
 */
export function live({ model, el }, name, nodes, draw, stop = () => {}) {
  addStyle();
  const root = element("div", { class: `gru-live gru-${name}` }, ...nodes);
  /** @type {"wide" | "narrow"} */
  let form = "narrow";
  const redraw = () => draw(read(model), form);
  redraw();
  el.append(root);
  const events = Object.keys(SETTINGS).map((key) => `change:${key}`);
  for (const event of events) model.on(event, redraw);
  const unwatch = watchWidth(root, (wide) => {
    form = wide ? "wide" : "narrow";
    redraw();
  });
  return () => {
    for (const event of events) model.off(event, redraw);
    unwatch();
    stop();
  };
}
