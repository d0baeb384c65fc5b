"""Take the pictures in docs/images: the quickstart, and a morning check of the sandbox, in a real
JupyterLab."""

import contextlib
import os
import sys
import tempfile
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
            check(browser, server, "light")
            check(browser, server, "dark")
            quickstart(browser, server)


def check(browser: Browser, server: LabServer, theme: Literal["light", "dark"]) -> None:
    """A plan under way, then the records of a failed command and of that plan."""
    with lab_page(browser, server, width=WIDTH, height=1600, scale=SCALE) as lab:
        place_smoke_test(lab.directory)
        lab.set_theme(theme)
        lab.new_notebook(START, DEPLOY, CHECK)
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


def place_smoke_test(directory: Path) -> None:
    script = directory / "smoke-test"
    script.write_text(SMOKE_TEST)
    script.chmod(0o755)
    for host in HOSTS:
        os.mkfifo(directory / f"{host}.gate")


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
