// The page's side of a widget: what Jupyter does with a kernel, done without one. sphinx_host.py
// puts this into a classic script together with PARTS, what the widgets share, and MODULES, what
// each adds, because a page opened from disk may not import module files; it may import a text that
// it holds itself.

function pageModel(state) {
  const handlers = new Map();
  return {
    get: (key) => state[key],
    set(key, value) {
      if (state[key] === value) return;
      state[key] = value;
      for (const handler of handlers.get(`change:${key}`) ?? []) handler();
    },
    on(event, handler) {
      if (!handlers.has(event)) handlers.set(event, new Set());
      handlers.get(event).add(handler);
    },
    off: (event, handler) => handlers.get(event)?.delete(handler),
    save_changes() {},
  };
}

const imported = new Map();

function load(name) {
  if (!imported.has(name)) {
    const url = URL.createObjectURL(new Blob([PARTS, MODULES[name]], { type: "text/javascript" }));
    imported.set(name, import(url));
  }
  return imported.get(name);
}

// --- a link to what is set, for the page only ----------------------------------------------------

const HOLDERS = "[data-slider], [data-switch], [data-choice]";

function keyOf(input) {
  const { slider, switch: toggle, choice } = input.closest(HOLDERS).dataset;
  return slider ?? toggle ?? choice;
}

// The address of this page with the number of the widget and what its controls show; those that are
// hidden do not count.
function address(el, index) {
  const shown = "[data-slider]:not([hidden]) input, [data-switch] input, [data-choice] :checked";
  const settings = [...el.querySelectorAll(shown)].map((input) =>
    [keyOf(input), input.type === "checkbox" ? Number(input.checked) : input.value]);
  const query = new URLSearchParams([["gru-widget", index], ...settings]);
  return `${location.href.split("#")[0]}#${query}`;
}

// Move the controls as a hand would, so that each keeps to its own range.
function restore(el, wanted) {
  for (const box of el.querySelectorAll("[data-switch] input")) {
    // Switches first: they decide which sliders count.
    if (wanted.has(keyOf(box)) && box.checked !== (wanted.get(keyOf(box)) === "1")) box.click();
  }
  for (const radio of el.querySelectorAll("[data-choice] input")) {
    if (wanted.get(keyOf(radio)) === radio.value && !radio.checked) radio.click();
  }
  for (const range of el.querySelectorAll("[data-slider] input")) {
    const value = wanted.get(keyOf(range));
    if (!value || !Number.isFinite(Number(value))) continue;
    range.value = value;
    range.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function addLink(el, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Link to this setting";
  const said = document.createElement("span");
  said.role = "status";
  button.addEventListener("click", async () => {
    const link = address(el, index);
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      said.textContent = " Copied.";
    } catch { // not allowed here, as on a page opened from disk
      said.textContent = " It is in the address bar.";
    }
  });
  const row = document.createElement("p");
  row.className = "gru-share";
  row.append(button, said);
  el.firstElementChild.append(row);
}

async function mount(place, index) {
  const state = JSON.parse(place.querySelector("script").textContent);
  const widget = (await load(place.dataset.module)).default;
  const el = document.createElement("div");
  await widget.render({ model: pageModel(state), el });
  // Only now: whatever fails before leaves the still picture standing.
  place.replaceChildren(el);
  addLink(el, index);
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (wanted.get("gru-widget") === `${index}`) {
    restore(el, wanted);
    el.scrollIntoView();
  }
}

document.querySelectorAll(".gru-widget").forEach(mount);
