"""A web server on this machine that resumes, breaks off, refuses and lies as a test wants."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What the server does with the next requests."""

    data: bytes = b""
    breaks_after: list[int] = field(default_factory=list)
    """For each request in turn: bytes sent before the connection breaks off."""
    ignores_range: bool = False
    status: int = 200
    ranges: list[str | None] = field(default_factory=list)
    """The Range header of each request received."""
    paths: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_GET(self) -> None:
        does = self.behaviour
        asked = self.headers.get("Range")
        does.ranges.append(asked)
        does.paths.append(self.path)
        if does.status != 200:
            self.send_error(does.status)
            return
        total = len(does.data)
        start = 0 if asked is None or does.ignores_range else int(asked[6:].split("-")[0])
        if start >= total > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(total - start))
        self.end_headers()
        limit = does.breaks_after.pop(0) if does.breaks_after else total
        self.wfile.write(does.data[start : start + limit])
        if limit < total - start:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """A client that goes away in the middle is what some tests do."""


class FileServer:
    """Serves `behaviour.data` under any path; use as a context manager."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        handler = type("Handler", (_Handler,), {"behaviour": self.behaviour})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FileServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
