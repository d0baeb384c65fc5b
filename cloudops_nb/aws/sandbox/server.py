"""The sandbox's server process: moto on a socket it is handed, the fleet, and a watch on its owner.

Run by ``Sandbox.start`` as ``python -m cloudops_nb.aws.sandbox.server``. It reports to its owner
in JSON lines over a socket pair (``{"progress": …}``, then ``{"ready": true}`` or
``{"failed": …}``) and ends as soon as the owner is gone, however the owner went: the kernel
closes the other end.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import select
import shutil
import socket
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.serving import BaseWSGIServer


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listener", type=int, required=True, help="fd of the bound socket")
    parser.add_argument("--owner", type=int, required=True, help="fd of the link to the owner")
    parser.add_argument("--owner-pid", type=int, required=True)
    parser.add_argument("--directory", required=True, help="removed when the owner is gone")
    options = parser.parse_args(arguments)
    link = socket.socket(fileno=options.owner)
    threading.Thread(target=_prepare, args=(options.listener, link), daemon=True).start()
    _wait_until_gone(link, options.owner_pid)
    shutil.rmtree(options.directory, ignore_errors=True)
    os._exit(0)  # request threads may hang in a slow call, and nothing here is worth saving


def _prepare(listener: int, link: socket.socket) -> None:
    """Serve, then seed. On a thread of its own, so that the owner's end is noticed meanwhile."""

    def say(**message: object) -> None:
        link.sendall(json.dumps(message).encode() + b"\n")

    gc.disable()  # a third of the time to get ready went into looking for garbage in what stays
    try:
        say(progress="loading moto")
        server = _server(listener)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        from cloudops_nb.aws.sandbox import seed

        seed.build(lambda text: say(progress=text))
        gc.freeze()
        gc.enable()
        say(ready=True)
    except BaseException as error:  # noqa: BLE001 - the owner raises it; here it would be lost
        traceback.print_exc()
        say(failed=f"{type(error).__name__}: {error}")


def _server(listener: int) -> BaseWSGIServer:
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    # Invoking a function or a batch job would otherwise start real containers.
    default_user_config["lambda"]["use_docker"] = False
    default_user_config["batch"]["use_docker"] = False
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # or a line per request, for ever
    return make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
        fd=listener,
    )


def _wait_until_gone(link: socket.socket, owner: int) -> None:
    """Return when the owner has closed its end of the link, or has died.

    Its pid is watched, too: a process it forked may hold a copy of its end of the link.
    """
    while os.getppid() == owner:
        readable, _, _ = select.select([link], [], [], 1.0)
        if readable and not link.recv(1):
            return


if __name__ == "__main__":
    main()
