// What a hand moves: sliders, choices and presets of the model's settings, and the player.

import { digits, element, markup, set, write } from "./parts.mjs";

/** @import { Model } from "./parts.mjs" */

/**
 * A control of one setting: its row, and what makes it show the model's value.
 * @typedef {{ row: HTMLElement, update: () => void }} Control
 */

/**
 * A range input. JupyterLab takes the arrow keys for itself unless the input says otherwise.
 * @param {string} label
 * @param {number} min
 * @param {number} max
 * @param {number} step
 * @param {string} color
 */
function rangeInput(label, min, max, step, color) {
  return element("input", {
    type: "range", min, max, step, "aria-label": label,
    style: `--gru-color: ${color}`, "data-lm-suppress-shortcuts": "true",
  });
}

/**
 * Set several of the model's values at once.
 * @param {Model} model
 * @param {Record<string, unknown>} values
 */
export function put(model, values) {
  for (const [key, value] of Object.entries(values)) model.set(key, value);
  model.save_changes();
}

/**
 * A labelled slider on one of the model's numbers. Its `update` shows what the model holds, which
 * may lie between two stops of the slider when Python set it; `words` writes it for the eye.
 * @param {Model} model
 * @param {string} key
 * @param {{ high?: number, words?: (value: number) => string }} more
 * @returns {Control}
 */
function slider(model, key, more = {}) {
  const setting = SETTINGS[key];
  const { label, help, low, high, step, color, words } =
    { words: setting.kind === "whole" ? String : digits, ...setting, ...more };
  const input = rangeInput(help, low, high, step, COLORS[color]);
  const reading = element("span", { class: "gru-reading", "data-reading": key });
  const row = element("label", { class: "gru-slider", "data-slider": key },
    markup("span", label), input, reading);
  input.addEventListener("input", () => put(model, { [key]: Number(input.value) }));
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

/**
 * One of a few words, as radio buttons.
 * @param {Model} model
 * @param {string} key
 * @returns {Control}
 */
function choice(model, key) {
  const { label: name, options } = SETTINGS[key];
  const group = `gru-${key}-${Math.random().toString(36).slice(2)}`; // one a widget
  const inputs = Object.entries(options).map(([value, label]) => {
    const input = element("input", { type: "radio", name: group, value,
      "data-lm-suppress-shortcuts": "true" });
    input.addEventListener("change", () => put(model, { [key]: value }));
    return { input, node: element("label", { class: "gru-choice" }, input, label) };
  });
  return {
    row: element("fieldset", { "data-choice": key }, element("legend", {}, name),
      ...inputs.map(({ node }) => node)),
    update() {
      for (const { input } of inputs) input.checked = input.value === model.get(key);
    },
  };
}

/**
 * The controls of all settings that have a label, by name, in the order of their declarations.
 * `more` tells a slider what Python does not know.
 * @param {Model} model
 * @param {Record<string, { high?: number, words?: (value: number) => string }>} more
 */
export function controls(model, more = {}) {
  const makers = { number: slider, whole: slider, choice };
  /** @type {Record<string, Control>} */
  const made = {};
  for (const [key, { kind, label }] of Object.entries(SETTINGS)) {
    if (label && makers[kind]) made[key] = makers[kind](model, key, more[key]);
  }
  return made;
}

/**
 * Controls in one column, or in two where there is room.
 * @param {Record<string, Control>} made
 */
export function grid(made) {
  const all = Object.values(made);
  return {
    node: element("div", { class: "gru-sliders" }, ...all.map(({ row }) => row)),
    update() {
      for (const { update } of all) update();
    },
  };
}

/**
 * Buttons that set several of the model's values at once.
 * @param {Model} model
 */
export function presets(model) {
  const buttons = Object.entries(PRESETS).map(([label, values]) => {
    const button = element("button", { type: "button" }, label);
    button.addEventListener("click", () => put(model, values));
    return button;
  });
  return element("fieldset", { class: "gru-presets" }, element("legend", {}, "Set to"), ...buttons);
}

/**
 * A button, a slider and a reading that go through steps 0 to `last`; `draw(k)` shows step k and
 * returns the reading.
 * @param {{
 *   name: string, last: number, perSecond: number, color: string, draw: (k: number) => string,
 * }} what
 */
export function player({ name, last, perSecond, color, draw }) {
  const play = element("button", { type: "button" }, "▶ Play");
  const position = rangeInput(name, 0, last, 1, color);
  const reading = element("span", { class: "gru-step" });
  let k = last;
  let frame = 0;

  function show() {
    position.value = `${k}`;
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
    /** @type {number | undefined} */
    let begin;
    /** @param {number} now */
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
    /**
     * For a step that the model holds: playing goes on unless somebody else set it.
     * @param {number} to
     */
    go(to) {
      if (to !== k) stop();
      k = to;
      show();
    },
  };
}
