"""Sphinx extension: gives pages with widgets the script that brings them to life.

It also lets a Markdown page show a widget without a code cell::

    ```{gru-widget} GateExplorer
    x: 0.5
    drive: true
    ```
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from gru_course import widgets
from gru_course.widgets._base import SHARED, STATIC, definition

SCRIPT = "gru-widgets.js"


def script_text() -> str:
    """The one script of all widgets, classic so that it also loads from disk."""
    classes = [getattr(widgets, name) for name in widgets.__all__]
    modules = definition("MODULES", {cls.module: cls.own_text() for cls in classes})
    host = (STATIC / "host.mjs").read_text(encoding="utf-8")
    return f"(() => {{\n{definition('PARTS', SHARED)}{modules}{host}}})();\n"


class WidgetDirective(SphinxDirective):
    """Emits the HTML that the widget's class emits into a notebook."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in widgets.__all__:
            raise self.error(f"expected one of {', '.join(widgets.__all__)}, got {name!r}")
        settings = yaml.safe_load("\n".join(self.content)) or {}
        try:
            html = getattr(widgets, name)(**settings).html()
        except (TypeError, ValueError) as error:
            raise self.error(f"{name}: {error}") from error
        return [nodes.raw("", html, format="html")]


def _write_script(app):
    if app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        static.mkdir(parents=True, exist_ok=True)
        (static / SCRIPT).write_text(script_text(), encoding="utf-8")


def _load_script(app, pagename, templatename, context, doctree):
    # Called during html-page-context, add_js_file adds to this page alone.
    if 'class="gru-widget"' in context.get("body", ""):
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("gru-widget", WidgetDirective)
    app.connect("builder-inited", _write_script)
    app.connect("html-page-context", _load_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
