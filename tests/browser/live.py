"""What the tests of the widgets on built pages share."""

import functools
import http.server
import json
import threading
from contextlib import contextmanager

from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe

# Equations are set, what watches its own width has drawn for the width that it found, and colours
# have changed: nothing moves any more on its own.
AT_REST = """async () => {
  await globalThis.MathJax?.startup?.promise;
  await document.fonts.ready;
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  const transitions = document.getAnimations().filter((each) => each instanceof CSSTransition);
  await Promise.allSettled(transitions.map(({finished}) => finished));
}"""

# Setting its equations is half of what a chapter costs to load, and test_pages looks at them all.
EQUATIONS_AS_WRITTEN = """let held;
Object.defineProperty(window, "MathJax", {
  get: () => held,
  set(value) { held = value.version ? value : { ...value, startup: { typeset: false } }; },
});"""
# It only ends what hangs, so it is far longer than anything takes where others keep the cores busy.
TIMEOUT = 180_000  # milliseconds
WIDTHS = [1280, 375]  # CSS pixels: a desk and a phone
DESK = {"width": 1280, "height": 800}


def window(browser, **context):
    """The page of a new window."""
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(TIMEOUT)
    return page


@functools.cache
def _kept_window(browser, equations, options):
    page = window(browser, **json.loads(options))
    if not equations:
        page.add_init_script(EQUATIONS_AS_WRITTEN)
    return page


@contextmanager
def opened(browser, url, root, equations=False, **context):
    """The page at rest with its widget mounted; the end checks what the browser complained about.

    `root` selects the widget; the page may ask nobody but its own site. A window costs more than a
    page, so tests that ask for the same `context` are given the same one, one after the other. It
    remembers nothing: the page is loaded anew, and its store is emptied.
    """
    own = url.rpartition("book/")[0] or url.rpartition("/")[0]
    complaints = []
    listeners = {
        "console": lambda m: m.type == "error" and complaints.append(m.text),
        "pageerror": lambda error: complaints.append(str(error)),
        # A test that moves on to another page aborts what the first was still loading.
        "requestfailed": lambda r: (
            r.failure == "net::ERR_ABORTED" or complaints.append(f"failed: {r.url} {r.failure}")
        ),
        "request": lambda r: r.url.startswith((own, "blob:", "data:")) or complaints.append(r.url),
    }
    page = _kept_window(browser, equations, json.dumps(context, sort_keys=True))
    page.set_viewport_size(context.get("viewport", DESK))
    page.emulate_media(color_scheme=context.get("color_scheme", "light"))
    page.mouse.move(0, 0)  # not over what the last test left there
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        page.goto(url)
        page.locator(root).first.wait_for()
        page.wait_for_function("!document.querySelector('.gru-widget > script')")
        page.evaluate(AT_REST)
        yield page
    finally:
        for other in page.context.pages:
            if other != page:
                other.close()
        page.evaluate("localStorage.clear()")
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
        page.goto("about:blank")  # or an address that differs in its fragment would load nothing
    assert not complaints, complaints


# Contrast is most of axe's work, and the same wherever an element of the same kind has the same
# colours on the same ones. It is measured at the first.
CONTRASTS = """() => {
  const ground = (node) => {
    const { backgroundColor, backgroundImage, opacity } = getComputedStyle(node);
    const above = node.parentElement ? ground(node.parentElement) : "";
    return `${backgroundColor} ${backgroundImage} ${opacity}<${above}`;
  };
  const kinds = new Set();
  for (const node of document.querySelectorAll("body *")) {
    delete node.dataset.contrast;
    const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!(text || node.matches("input, select, textarea")) || !node.checkVisibility()) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(node);
    const kind = [node.tagName, node.className, color, fontSize, fontWeight, ground(node)].join();
    if (!kinds.has(kind)) node.dataset.contrast = "first";
    kinds.add(kind);
  }
}"""
AT_THE_FIRST = 'axe.configure({ rules: [{ id: "color-contrast", selector: "[data-contrast]" }] });'
AXE = Axe(AXE_SCRIPT + AT_THE_FIRST)


def at_widths(page):
    """A desk's and a phone's width, each when the page has come to rest at it."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(AT_REST)
        yield width


def serious(page, *within) -> list[str]:
    """What axe finds serious or critical in these parts or in all, one line for each element."""
    if not within:
        page.evaluate(CONTRASTS)
    # Without preloading: axe would fetch the style sheets again, from wrong addresses.
    options = {"preload": False, "resultTypes": ["violations"]}
    context = {"include": [[selector] for selector in within]} if within else None
    axe = Axe() if within else AXE
    found = axe.run(page, context=context, options=options).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


# For animations, time then goes on only where a test adds to `now`, in milliseconds, so that how
# far a player comes does not depend on how soon the test looks.
HOLD_TIME = """() => {
  const frame = requestAnimationFrame;
  globalThis.now = 0;
  globalThis.requestAnimationFrame = (draw) => frame(() => draw(now));
}"""
GO_ON = """async (milliseconds) => {
  now += milliseconds;
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
}"""


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # a page's fifty files over a few connections

    def log_message(self, format, *args):
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # a busy machine accepts late; a connection turned away waits a second


@contextmanager
def serving(folder):
    """The address of a server of the folder's files."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
