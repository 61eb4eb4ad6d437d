"""Opens a report in Debian's Chromium and checks what a reader would: `browser.py report.html [SCREENSHOT_FOLDER]`.

At 400 and 1400 pixels, with scripts and without, in light, dark and print: nothing is said on the console, nothing is
asked of the network, every chart has its data, tables sort and filter, by pointer and by keyboard. Exit code 77 where
there is no Chromium. Speaks the DevTools protocol over a pipe, with Python's own library alone.
"""
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

# Every figure that scripts draw: its points, and whether the canvas shows something besides its background.
CHARTS = """[...document.querySelectorAll('figure[data-chart]')].map(figure => {
  const canvas = figure.querySelector('canvas'), chart = canvas && Chart.getChart(canvas);
  const points = chart ? chart.data.datasets.flatMap(set => set.data) : [];
  const copy = new OffscreenCanvas(canvas?.width || 1, canvas?.height || 1).getContext('2d', { willReadFrequently: true });
  if (canvas) copy.drawImage(canvas, 0, 0);
  const pixels = new Set(new Uint32Array(copy.getImageData(0, 0, copy.canvas.width, copy.canvas.height).data.buffer));
  return {
    name: figure.dataset.chart, points: points.length, colours: pixels.size,
    finite: points.every(point => [point.x, point.y].every(value => value === null || Number.isFinite(value))),
    inside: chart ? points.filter(point => point.i === 0).every(point =>
      chart.scales.x.min <= point.x && point.x <= chart.scales.x.max) : false,
    label: canvas?.getAttribute('aria-label') ?? '',
    svg: figure.querySelector('svg').getBoundingClientRect().height,
  };
})"""
# Every drawing: how large it stands on the page, and how many strokes it has.
DRAWINGS = """[...document.querySelectorAll('.drawing svg')].map(svg => ({
  height: svg.getBoundingClientRect().height, strokes: svg.querySelectorAll('path').length,
  label: svg.getAttribute('aria-label') }))"""
NAMED = """({
  tables: [...document.querySelectorAll('table')].every(table => table.caption?.textContent),
  images: [...document.images].every(image => image.alt && image.naturalWidth > 0),
  headings: document.querySelectorAll('h1').length,
  links: [...document.querySelectorAll('a')].every(link => document.querySelector(link.getAttribute('href'))),
  controls: document.querySelectorAll('button, input').length,
  title: document.title, language: document.documentElement.lang })"""
LEADERS = "[...document.querySelectorAll('#leaderboard tbody tr')].filter(row => !row.hidden).map(row => row.cells[%d].textContent)"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Browser:
    def __init__(self, program, profile):
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()

        def connect():
            # Moved away first, for the ends may lie on 3 and 4 already.
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self._process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
             "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._rest, self._number, self._session, self.events = b"", 0, None, []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(domain + ".enable")

    def _message(self):
        while b"\0" not in self._rest:
            more = os.read(self._read, 1 << 20)
            if not more:
                raise SystemExit("Chromium ended")
            self._rest += more
        text, self._rest = self._rest.split(b"\0", 1)
        return json.loads(text)

    def __call__(self, method, **parameters):
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message)
                return message["result"]
            self.events.append(message)

    def ask(self, expression):
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, address):
        self.events.clear()
        self("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message())

    def complaints(self, address):
        """What was said on the console, and what was asked for besides the page itself."""
        for event in self.events:
            method, given = event.get("method"), event.get("params", {})
            if method in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
                yield json.dumps(given)[:500]
            elif method == "Network.requestWillBeSent":
                url = given["request"]["url"]
                if url.split("#")[0] != address and not url.startswith("data:"):
                    yield "asks for " + url

    def close(self):
        self._session = None
        try:
            self("Browser.close")
        except (SystemExit, OSError):
            pass
        self._process.wait(timeout=20)


def check_charts(browser):
    charts = browser.ask(CHARTS)
    assert charts, "no charts"
    for chart in charts:
        assert chart["points"] > 0 and chart["finite"] and chart["inside"], ("without its data", chart)
        assert chart["colours"] > 3, ("an empty canvas", chart)
        assert chart["label"] and chart["svg"] == 0, ("label, or both drawings at once", chart)
    return len(charts)


def check_tables(browser):
    """The leaderboard, by its column of accuracies."""
    press = "document.querySelectorAll('#leaderboard th button')[1].%s()"
    before = browser.ask(LEADERS % 1)
    numbers = [float(text.rstrip(" %")) for text in before if text != "–"]
    assert len(numbers) > 8 and numbers == sorted(numbers, reverse=True), "the best first"
    browser.ask(press % "click")
    risen = [float(text.rstrip(" %")) for text in browser.ask(LEADERS % 1) if text != "–"]
    assert risen == sorted(numbers), "a click sorts"
    browser.ask(press % "focus")
    for kind in ("keyDown", "keyUp"):
        browser("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
    fallen = [float(text.rstrip(" %")) for text in browser.ask(LEADERS % 1) if text != "–"]
    assert fallen == numbers, "Enter sorts the other way"
    heading = "document.querySelectorAll('#leaderboard th')[1].getAttribute('aria-sort')"
    assert browser.ask(heading) == "descending"
    backbone = browser.ask(LEADERS % 4)[-1]
    browser.ask("document.querySelector('#leaderboard input').focus()")
    browser("Input.insertText", text=backbone)
    left = browser.ask(LEADERS % 4)
    assert 0 < len(left) <= len(before) and all(backbone in name for name in left), "the filter keeps what it names"
    said = browser.ask("document.querySelector('#leaderboard output').textContent")
    assert said == f"{len(left)} of {len(before)} rows", said


def check(browser, address, width, scripts, pictures):
    browser("Emulation.setScriptExecutionDisabled", value=not scripts)
    browser("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    browser("Emulation.setEmulatedMedia", media="screen", features=[{"name": "prefers-color-scheme", "value": "light"}])
    browser.open(address)
    named = browser.ask(NAMED)
    assert named["tables"] and named["images"] and named["links"] and named["headings"] == 1, named
    assert named["title"] and named["language"], named
    assert browser.ask(OVERFLOW) <= 0, f"wider than {width} pixels by {browser.ask(OVERFLOW)}"
    drawings = browser.ask(DRAWINGS)
    assert drawings and all(drawing["strokes"] and drawing["label"] for drawing in drawings), drawings
    if pictures:
        shown = browser("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        name = f"{width}{'' if scripts else '_without_scripts'}.png"
        (pathlib.Path(pictures) / name).write_bytes(base64.b64decode(shown))
    if scripts:
        browser("Runtime.evaluate", expression="new Promise(requestAnimationFrame)", awaitPromise=True)
        charts = check_charts(browser)
        check_tables(browser)
        browser("Emulation.setEmulatedMedia", media="screen",
                features=[{"name": "prefers-color-scheme", "value": "dark"}])
        assert check_charts(browser) == charts, "dark mode draws them again"
        if pictures:
            shown = browser("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            (pathlib.Path(pictures) / f"{width}_dark.png").write_bytes(base64.b64decode(shown))
        browser("Emulation.setEmulatedMedia", media="print")
        assert all(drawing["height"] > 20 for drawing in browser.ask(DRAWINGS)), "paper has the drawings"
        assert browser.ask("[...document.querySelectorAll('canvas')].every(canvas => !canvas.offsetParent)")
    else:
        assert named["controls"] == 0, "no control that does nothing"
        assert all(drawing["height"] > 20 for drawing in drawings), "every drawing shows without scripts"
    complaints = list(browser.complaints(address))
    assert not complaints, complaints


def main():
    signal.alarm(100)  # a browser that hangs
    page, pictures = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else None
    program = shutil.which("chromium")
    if not program:
        print("no chromium here (Debian's package of this name)")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        try:
            for width in (1400, 400):
                for scripts in (True, False):
                    check(browser, page.as_uri(), width, scripts, pictures)
        finally:
            browser.close()


main()
