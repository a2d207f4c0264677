"""Serve the built book on this machine alone and open it: `python .ci/serve.py PORT`."""

import sys
import threading
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

port = sys.argv[1]
ThreadingHTTPServer.allow_reuse_port = False  # else Python 3.14 shares a port with a stranger
pages = partial(SimpleHTTPRequestHandler, directory="_build/html")
try:
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), pages)
except (OSError, OverflowError, ValueError) as problem:
    sys.exit(f"PORT={port} cannot be used ({problem}). Choose another: make serve PORT=8001")
address = f"http://127.0.0.1:{server.server_port}/"
print(f"The book is at {address} until you press Ctrl-C.", flush=True)
threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
try:
    server.serve_forever()
except KeyboardInterrupt:
    print()
