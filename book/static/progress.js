// What the reader has solved, remembered in this browser alone, in one entry of localStorage:
//   { version, solved: { "book/gating/gru#check-yourself-2": "first" },
//     pages: { "book/gating/gru": [...] } }
// `solved` outlives changes of the pages; `pages` names what a page that was begun asks for, so
// that the first page of the course can count without opening it, and nothing else is counted.
(() => {
  const KEY = "gru-course-progress";
  const COURSE = "gru-course";
  const VERSION = 1;
  const RANKS = ["tried", "solved", "first"]; // where two records meet, the better one stays
  const PAGE = DOCUMENTATION_OPTIONS.pagename;
  const INDEX = "book/index";

  const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isList = (value) => Array.isArray(value) && value.every((id) => typeof id === "string");

  // The record in a text, or null where the text is none, whoever wrote it.
  function parse(text) {
    try {
      const record = JSON.parse(text);
      const usable = record.version === VERSION &&
        isRecord(record.solved) && isRecord(record.pages) &&
        Object.values(record.solved).every((how) => RANKS.includes(how)) &&
        Object.values(record.pages).every(isList);
      return usable ? record : null;
    } catch {
      return null;
    }
  }

  // --- the store, which browsers may refuse; then the page remembers until it is left -----------

  const nothing = () => ({ version: VERSION, solved: {}, pages: {} });
  let memory = nothing();
  let refused = false;

  function read() {
    try {
      if (!refused) memory = parse(localStorage.getItem(KEY)) ?? nothing();
    } catch {
      refused = true;
    }
    return memory;
  }

  function write(record) {
    memory = record;
    try {
      if (!refused) localStorage.setItem(KEY, JSON.stringify(record));
    } catch {
      refused = true;
    }
    show();
  }

  // --- what this page asks for -------------------------------------------------------------------

  /**
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag
   * @param {object} [properties]
   * @param {...(Node | string)} children
   */
  function make(tag, properties, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  /** @type {{ id: string, done: HTMLElement }[]} */
  const questions = [];
  /** @type {{ id: string, section: HTMLElement, box: HTMLInputElement }[]} */
  const exercises = [];

  // Sphinx puts each heading into a section of its own, and an answer stands below its question.
  const sectionOf = (node) => /** @type {HTMLElement} */ (node.closest("section"));

  /** @type {Record<string, number>} */
  const numbers = {};
  for (const answer of document.querySelectorAll(".bd-article .gru-answer")) {
    const before = /** @type {Element} */ (answer.previousElementSibling);
    if (!before.matches(".gru-answer")) {
      const { id } = sectionOf(answer);
      numbers[id] = (numbers[id] ?? 0) + 1;
      const done = make("span", { className: "gru-done" });
      before.append(" ", done);
      questions.push({ id: `${PAGE}#${id}-${numbers[id]}`, done });
    }
    const question = questions[questions.length - 1].id;
    // A click, which keys make too, rather than "toggle", which a search in the page makes too.
    answer.querySelector("summary")?.addEventListener("click", () => {
      const { [question]: how } = read().solved;
      const right = answer.matches(".gru-right");
      if (!how || (right && how === "tried")) {
        remember(question, right ? (how ? "solved" : "first") : "tried");
      }
    });
  }

  for (const heading of document.querySelectorAll("#exercises h3")) {
    const section = sectionOf(heading);
    const id = `${PAGE}#${section.id}`;
    const box = make("input", { type: "checkbox" });
    box.setAttribute("aria-label", `Solved: exercise ${exercises.length + 1}`);
    box.addEventListener("change", () => remember(id, box.checked ? "solved" : null));
    heading.after(make("label", { className: "gru-tick" }, box, "Solved"));
    exercises.push({ id, section, box });
  }

  // The sliders of an exercise have reached its goal, and say so again as long as they move there.
  document.addEventListener("gru-solved", ({ target }) => {
    const sliders = /** @type {Node} */ (target);
    const exercise = exercises.find(({ section }) => section.contains(sliders));
    if (exercise && !exercise.box.checked) remember(exercise.id, "solved");
  });

  const ids = [...questions, ...exercises].map(({ id }) => id);

  function remember(id, how) {
    const { solved: { [id]: before, ...solved }, pages } = read();
    if (how) solved[id] = how;
    write({ version: VERSION, solved, pages: { ...pages, [PAGE]: ids } });
  }

  // --- the box -----------------------------------------------------------------------------------

  const isDone = (solved, id) => RANKS.indexOf(solved[id]) > 0;

  function count(asked, solved) {
    /** @type {Record<string, string[]>} */
    const parts = { question: [], exercise: [] };
    for (const id of asked) parts[id.includes("#exercise-") ? "exercise" : "question"].push(id);
    const sentences = Object.entries(parts).filter(([, all]) => all.length).map(([what, all]) => {
      const done = all.filter((id) => isDone(solved, id)).length;
      return `${done} of ${all.length} ${what}${all.length > 1 ? "s" : ""}`;
    });
    const first = asked.filter((id) => solved[id] === "first").length;
    if (first) sentences[0] += ` (${first} at the first try)`;
    return `${sentences.join(", ")}.`;
  }

  // Chapters begun, in the order of the sidebar, with its titles and links.
  function chapters({ solved, pages }) {
    const root = new URL(document.documentElement.dataset.content_root ?? "", location.href).href;
    /** @type {NodeListOf<HTMLAnchorElement>} */
    const links = document.querySelectorAll(".bd-sidebar-primary a.internal");
    return [...links].flatMap((link) => {
      const page = link.href.slice(root.length).replace(/\.html.*/, "");
      const asked = pages[page] ?? [];
      if (!asked.some((id) => id in solved)) return [];
      const { href, textContent } = link;
      return [make("li", {}, make("a", { href, textContent }), `: ${count(asked, solved)}`)];
    });
  }

  const counts = make("div");
  const note = make("p");
  const said = make("p", { role: "status" });
  const ask = make("div", { hidden: true, role: "group" });

  function show() {
    const kept = read();
    for (const { id, done } of questions) {
      const texts = { first: "✓ right at the first try", solved: "✓ answered" };
      done.textContent = texts[kept.solved[id]] ?? "";
    }
    for (const { id, box } of exercises) box.checked = isDone(kept.solved, id);
    if (PAGE === INDEX) {
      const begun = chapters(kept);
      counts.replaceChildren(begun.length ? make("ul", {}, ...begun) : "No chapter begun yet.");
    } else {
      counts.textContent = count(ids, kept.solved);
    }
    note.textContent = refused
      ? "This browser does not let the page store anything: what you solve is forgotten when you " +
      "leave, unless you export it. Nothing is sent anywhere."
      : "Kept in this browser only; nothing is sent anywhere. Take it to another one by a file.";
  }

  function button(text, onclick) {
    return make("button", { type: "button", textContent: text, onclick });
  }

  function save() {
    const date = new Date().toISOString().slice(0, 10);
    const { solved, pages } = read();
    const text = JSON.stringify({ course: COURSE, version: VERSION, date, solved, pages }, null, 1);
    const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href, download: `${COURSE}-progress-${date}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
    said.textContent = "Exported.";
  }

  const file = make("input", { type: "file", accept: ".json,application/json", hidden: true });
  file.addEventListener("change", async () => {
    const text = await file.files?.[0]?.text() ?? "";
    file.value = ""; // so that the same file can be chosen again
    const theirs = parse(text);
    if (!theirs || JSON.parse(text).course !== COURSE) {
      said.textContent = "This is not a file that the course has exported; nothing was changed.";
      return;
    }
    const { solved, pages } = read();
    for (const [id, how] of Object.entries(theirs.solved)) {
      if (RANKS.indexOf(how) > RANKS.indexOf(solved[id])) solved[id] = how;
    }
    write({ version: VERSION, solved, pages: { ...theirs.pages, ...pages } });
    said.textContent = "Imported, and added to what was here.";
  });

  function answered(text) {
    ask.hidden = true;
    forget.focus();
    said.textContent = text;
  }

  const forget = button("Forget", () => {
    said.textContent = "";
    ask.hidden = false;
    keep.focus();
  });
  const keep = button("Keep it", () => answered("Kept."));
  const question = make("p", { id: "gru-forget", textContent: "Forget all chapters' progress?" });
  ask.setAttribute("aria-labelledby", question.id);
  ask.append(question, keep, button("Forget it", () => {
    write(nothing());
    answered("Forgotten.");
  }));

  const title = make("h2", { id: "gru-progress", textContent: "Your progress" });
  const box = make("section", { className: "gru-progress" }, title, counts, note,
    button("Export", save), button("Import", () => file.click()), file, forget, ask, said);
  box.setAttribute("aria-labelledby", title.id);

  if (ids.length || PAGE === INDEX) {
    document.querySelector(".bd-article")?.append(box);
    const kept = read();
    if (PAGE in kept.pages) write({ ...kept, pages: { ...kept.pages, [PAGE]: ids } });
    show();
    addEventListener("storage", show); // another tab
    addEventListener("pageshow", show); // a page that the browser has kept and brings back
  }
})();
