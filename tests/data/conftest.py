"""A cache of its own for each test, and a web server on this machine that counts what it is asked."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest


class Server(ThreadingHTTPServer):
    """Serves ``files`` by path; ``cut`` paths break off half-way; ``asked`` counts the GET and CONNECT requests.

    ``slow`` paths get their answer byte by byte, so many seconds apart, from its first line or from its content on.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.slow: dict[str, tuple[Literal["answer", "content"], float]] = {}
        self.closing = threading.Event()
        self.asked: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        self._answer(with_body=True)

    def do_CONNECT(self) -> None:
        self.server.asked[self.path] += 1
        self.send_error(502)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        content = self.server.files.get(self.path)
        part, seconds = self.server.slow.get(self.path, ("", 0.0))
        if part == "answer":
            self._trickle(b"HTTP/1.1 200 OK\r\n" * 1000, seconds)
            return
        if content is None:
            self.send_error(404)
            return
        kind = "application/json" if content[:1] == b"{" else "text/html" if content[:1] == b"<" else "application/zip"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body and part == "content":
            self._trickle(content, seconds)
        elif with_body:
            self.wfile.write(content[: len(content) // 2] if self.path in self.server.cut else content)

    def _trickle(self, content: bytes, seconds: float) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more
            for position in range(len(content)):
                self.wfile.write(content[position : position + 1])
                if self.server.closing.wait(seconds):
                    return

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.closing.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("DGMBENCH_CACHE", str(folder))
    return folder
