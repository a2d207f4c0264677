// The page's side of a widget: what Jupyter does with a kernel, done without one. sphinx_host.py
// puts this into a classic script together with MODULES, the widgets' texts by name, because a page
// opened from disk may not import module files; it may import a text that it holds itself.

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
    const url = URL.createObjectURL(new Blob([MODULES[name]], { type: "text/javascript" }));
    imported.set(name, import(url));
  }
  return imported.get(name);
}

async function mount(place) {
  const state = JSON.parse(place.querySelector("script").textContent);
  const widget = (await load(place.dataset.module)).default;
  const el = document.createElement("div");
  await widget.render({ model: pageModel(state), el });
  // Only now: whatever fails before leaves the still picture standing.
  place.replaceChildren(el);
}

document.querySelectorAll(".gru-widget").forEach(mount);
