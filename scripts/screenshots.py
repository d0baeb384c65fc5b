"""Take the pictures in docs/images, in a real JupyterLab: the quickstart, a morning check of the
sandbox while it runs, failed and as a record, and a plan of 500 commands."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Locator, expect

from tests.browser.chromium import find_chromium, launched
from tests.browser.lab import LabPage, lab_page
from tests.browser.server import LabServer

IMAGES = Path("docs/images")  # `python -m scripts.screenshots` runs from the root
QUICKSTART = Path("notebooks/01_quickstart.ipynb")
WIDTH = 1000  # CSS pixels: what is read beside a README's text, with the page's margins
SCALE = 1.5  # legible on a dense screen, and still a small file
MAX_BYTES = 150_000
TRIES = 3
DISTURBANCE = "Task was destroyed but it is pending"
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

# Runs till it is let go: the picture is taken of a plan that is under way.
SMOKE_TEST = """\
#!/usr/bin/env bash
echo "GET /health"
echo -e "\\e[32m200\\e[0m in 41 ms"
echo -e "\\e[33mwarning: certificate of $1 expires in 9 days\\e[0m"
read -r _ < $1.gate
echo "all endpoints answered"
"""

CHECK = """\
%%cloudops --parallel --no-raise --profile sandbox-staging --title "Morning check of staging"
aws iam list-account-aliases --output text
aws sqs list-queues --region us-east-1 --output text
aws ec2 describe-instances --region us-east-1 --instance-ids i-0c0ffee0c0ffee000
./smoke-test api
./smoke-test queue"""
HOSTS = ("api", "queue")

START = """\
%load_ext cloudops_nb
%cloudops sandbox start"""

DEPLOY = """\
%%cloudops --no-raise
echo "deploying web to eu-west-1"
echo -e "\\e[33mwarning: the image is 94 days old\\e[0m"
echo "quota exceeded: 0 of 3 instances started" >&2
exit 3"""

PATCH = """\
#!/usr/bin/env bash
echo "fetching openssl 3.0.15"
if (( 10#${1#web-} >= 360 )); then until [ -e go ]; do sleep 0.2; done; fi
if (( 10#${1#web-} % 47 == 11 )); then echo "dpkg: no space left on device" >&2; exit 1; fi
echo "openssl 3.0.15 installed"
"""

HOSTS_CELL = """\
%load_ext cloudops_nb
hosts = [f"web-{number:03}" for number in range(500)]"""

FLEET = """\
%%cloudops --parallel --each host={{ hosts }} --no-raise --title "Patch openssl"
./patch {{ host }}"""

# A cell that is not looked at has no frame, toolbar or cursor.
LOOK_AWAY = """() => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0;
    document.activeElement.blur();
}"""


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as private, launched(find_chromium()) as browser:
        server = LabServer(Path(private))
        with contextlib.ExitStack() as stack:
            stack.callback(server.stop)
            for theme in THEMES:
                again_if_disturbed(check, browser, server, theme)
                again_if_disturbed(fleet, browser, server, theme)
            again_if_disturbed(quickstart, browser, server)


class Disturbed(Exception):
    """ipykernel wrote into a cell (see ``save_notebooks``)."""


def again_if_disturbed(take: Callable[..., None], *of: object) -> None:
    for _ in range(TRIES - 1):
        with contextlib.suppress(Disturbed):
            return take(*of)
    return take(*of)


def check(browser: Browser, server: LabServer, theme: Theme) -> None:
    """A plan under way, the records of a failed command and of that plan, and its view again."""
    with lab_page(browser, server, width=WIDTH, height=1600, scale=SCALE) as lab:
        place_smoke_test(lab.directory)
        lab.set_theme(theme)
        lab.new_notebook(START, DEPLOY, CHECK, "%cloudops attach")
        lab.run_cell(0)
        lab.run_cell(1)
        lab.start_cell(2)
        output = lab.output(2)
        expect(output).to_contain_text("3 of 5")
        expect(output.get_by_text("warning: certificate")).to_have_count(4)
        picture(lab, f"live-{theme}", lab.cell(2))
        for host in HOSTS:
            (lab.directory / f"{host}.gate").write_text("go\n")
        lab.wait_idle()
        picture(lab, f"record-{theme}", lab.cell(1), lab.cell(2))
        lab.run_cell(3)
        failed = lab.output(3).locator(".cloudops-live")
        failed.get_by_role("button", name="aws ec2").click()
        expect(failed.get_by_role("button", name="Copy log")).to_be_visible()
        picture(lab, f"failed-{theme}", failed)


def fleet(browser: Browser, server: LabServer, theme: Theme) -> None:
    """A plan of 500 commands under way."""
    with lab_page(browser, server, width=WIDTH, height=1600, scale=SCALE) as lab:
        place(lab.directory / "patch", PATCH)
        lab.set_theme(theme)
        lab.new_notebook(HOSTS_CELL, FLEET)
        lab.run_cell(0)
        lab.start_cell(1)
        expect(lab.output(1)).to_contain_text("360 of 500", timeout=60_000)
        expect(lab.output(1).get_by_text("10 running")).to_be_visible()
        picture(lab, f"fleet-{theme}", lab.cell(1))
        (lab.directory / "go").touch()
        lab.wait_idle(60)


def place_smoke_test(directory: Path) -> None:
    place(directory / "smoke-test", SMOKE_TEST)
    for host in HOSTS:
        os.mkfifo(directory / f"{host}.gate")


def place(script: Path, text: str) -> None:
    script.write_text(text)
    script.chmod(0o755)


def quickstart(browser: Browser, server: LabServer) -> None:
    """From the scan of four regions to the plot of what it found."""
    with lab_page(browser, server, width=WIDTH, height=6000, scale=SCALE) as lab:
        lab.open_notebook(QUICKSTART)
        lab.run_all()
        cells = lab.page.locator(".jp-Notebook .jp-Cell")
        scan = cells.filter(has_text="%%cloudops --each")
        plot = cells.filter(has_text="plot.bar")
        expect(plot.locator("img")).to_be_visible()
        picture(lab, "quickstart", scan, plot)


def picture(lab: LabPage, name: str, first: Locator, last: Locator | None = None) -> None:
    """Of the page from one cell to another, without its focus, toolbars and cursor."""
    if lab.page.get_by_text(DISTURBANCE).count():
        raise Disturbed(name)
    path = IMAGES / f"{name}.png"
    lab.page.evaluate(LOOK_AWAY)
    lab.page.screenshot(path=path, clip=around(first, last or first), animations="disabled")
    with Image.open(path) as taken:  # of its colours 256 can be told apart, at a third of the size
        taken.convert("RGB").quantize(256).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path}  {size // 1000} kB")
    if size > MAX_BYTES:
        sys.exit(f"{path} has {size} bytes, more than {MAX_BYTES}: show less, or smaller")


def around(first: Locator, last: Locator) -> FloatRect:
    top, bottom = first.bounding_box(), last.bounding_box()
    assert top is not None
    assert bottom is not None
    height = bottom["y"] + bottom["height"] - top["y"]
    return {"x": top["x"], "y": top["y"], "width": top["width"], "height": height}


if __name__ == "__main__":
    main()
