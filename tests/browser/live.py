"""What the tests of the widgets on built pages share."""

import functools
import http.server
import threading
from contextlib import contextmanager


@contextmanager
def opened(browser, url, root, **context):
    """The page with its widget mounted; the end checks what the browser complained about.

    `root` selects the widget; the page may ask nobody but its own site.
    """
    own = url[: url.index("book/")]
    complaints = []
    with browser.new_context(**context) as made:
        page = made.new_page()
        page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        # A test that moves on to another page aborts what the first was still loading.
        page.on(
            "requestfailed",
            lambda r: (
                r.failure == "net::ERR_ABORTED" or complaints.append(f"failed: {r.url} {r.failure}")
            ),
        )
        page.on(
            "request",
            lambda r: r.url.startswith((own, "blob:", "data:")) or complaints.append(r.url),
        )
        page.goto(url)
        page.locator(root).first.wait_for()
        yield page
    assert not complaints, complaints


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@contextmanager
def serving(folder):
    """The address of a server of the folder's files."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
