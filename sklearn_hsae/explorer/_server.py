"""The server of the explorer: this machine alone, and only with the token."""

import asyncio
import secrets
import socket
import threading
import webbrowser
from contextlib import closing

import panel as pn

from sklearn_hsae.explorer._layout import page_styles
from sklearn_hsae.explorer._page import build_page

_ADDRESS = "127.0.0.1"
_TOKEN_BYTES = 24
_SECONDS_PER_WAIT = 0.5


class ExplorerServer:
    """Serves the explorer to browsers on this machine.

    Parameters
    ----------
    shared : SharedContent
    port : int
        0 takes a free one.

    Attributes
    ----------
    url : str
        With the token, without which nothing is shown.
    """

    def __init__(self, shared, port=0):
        with closing(_bound(port)) as sock:
            self._port = sock.getsockname()[1]
        self._token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.url = f"http://{_ADDRESS}:{self._port}/{self._token}"
        self._shared = shared
        self._loop = None
        self._ready = threading.Event()
        self._error = None
        # In a thread of its own: a notebook has an event loop already.
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def wait(self):
        """Wait until the server is stopped, or Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(_SECONDS_PER_WAIT)  # without an end, Ctrl-C is not heard

    def stop(self):
        """Close the page to all browsers, and free the port."""
        if self._thread.is_alive():
            self._loop.add_callback(self._loop.stop)
            self._thread.join()

    def _serve(self):
        try:
            asyncio.set_event_loop(asyncio.new_event_loop())
            server = self._make_server()
            server.start()
            self._loop = server.io_loop
        except Exception as error:  # raised where the server was made
            self._error = error
            return
        finally:
            self._ready.set()
        self._loop.start()
        server.stop()
        self._loop.close(all_fds=True)

    def _make_server(self):
        pn.extension("tabulator")
        pn.config.raw_css = [page_styles()]
        return pn.io.server.get_server(
            {self._token: self._page},
            port=self._port,
            address=_ADDRESS,
            websocket_origin=f"{_ADDRESS}:{self._port}",
            title={self._token: "sklearn-hsae explorer"},
            use_index=False,  # it would name the token
            redirect_root=False,
        )

    def _page(self):
        return build_page(self._shared)


def open_browser(url):
    """Open the page in the browser, if there is one.

    Returns
    -------
    bool
        Whether a browser was found.
    """
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False


def _bound(port):
    """A socket at the port, to find out whether it is free."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.bind((_ADDRESS, port))
    except OSError:
        sock.close()
        raise ValueError(
            f"port {port} is in use by another program. Name another one, or none: "
            "then a free one is taken."
        ) from None
    return sock
