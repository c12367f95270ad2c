"""What browsers are shown: a plain file server, and a window in which nothing may go wrong."""

import contextlib
import functools
import http.server
import threading


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(folder):
    """Address of a plain file server for a folder."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@contextlib.contextmanager
def window(browser, allowed: tuple[str, ...], **options):
    """A page; at the end no script may have failed, and nothing but ``allowed`` was asked for."""
    context, wrong = browser.new_context(**options), []
    page = context.new_page()

    def note(what: str) -> None:
        wrong.append(f"{page.url}: {what}")

    page.on("pageerror", note)
    page.on("console", lambda said: said.type == "error" and note(said.text))
    page.on("request", lambda sent: sent.url.startswith(allowed) or note(sent.url))
    yield page
    context.close()
    assert not wrong, wrong
