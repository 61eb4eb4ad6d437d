"""Opens a report in Debian's Chromium and checks what a reader would: `browser.py report.html [SCREENSHOT_FOLDER]`.

At 400 and 1400 pixels, with scripts and without, in light, dark and print: nothing is said on the console, nothing is
asked of the network, every chart says its values under the pointer, tables sort and filter, by pointer and by keyboard.
Exit code 77 where there is no Chromium. Speaks the DevTools protocol over a pipe, with Python's own library alone.
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

# Every drawing: how large it stands on the page, and how many strokes it has.
DRAWINGS = """[...document.querySelectorAll('figure svg')].map(svg => ({
  height: svg.getBoundingClientRect().height, strokes: svg.querySelectorAll('path').length,
  label: svg.getAttribute('aria-label') }))"""
# The charts that say something under the pointer, each with the points of its paths: place in the drawing and words.
CHARTS = """[...document.querySelectorAll('figure svg')].filter(svg => svg.querySelector('[data-tips]')).map(svg => ({
  label: svg.getAttribute('aria-label'), paths: [...svg.querySelectorAll('[data-tips]')].map(path => ({
    style: path.classList[0], tips: path.dataset.tips.split('\\n'),
    places: path.getAttribute('d').split(/[ML]/).slice(1).map(text => text.split(/[^0-9.-]/, 2).map(Number)) })) }))"""
CONFIGURATIONS = "[...document.querySelectorAll('#configurations li')].map(item => item.textContent)"
# Where a place in such a chart is on the screen, after scrolling there.
ON_SCREEN = """(() => {
  const svg = [...document.querySelectorAll('figure svg')].filter(svg => svg.querySelector('[data-tips]'))[%d];
  svg.scrollIntoView({ block: 'center', behavior: 'instant' });
  const { x, y } = new DOMPoint(%f, %f).matrixTransform(svg.getScreenCTM());
  return [x, y]; })()"""
TIP = """(() => {
  const tip = document.querySelector('.tip'), box = tip.getBoundingClientRect(), mark = document.querySelector('.mark');
  return { shown: tip.checkVisibility(), text: tip.textContent, left: box.left, right: box.right,
    place: mark?.getAttribute('d').match(/[0-9.-]+/g).slice(0, 2).map(Number),
    near: [...document.querySelectorAll('.near')].map(path => [path.classList[0], getComputedStyle(path).strokeWidth]) };
})()"""
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


def hover(browser, chart, place):
    """What the page says with the pointer at this place of a chart."""
    x, y = browser.ask(ON_SCREEN % (chart, *place))
    browser("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    return browser.ask(TIP)


def check_point(browser, chart, paths, path, i, configurations, width):
    """Over the path's i-th point: its words (or those of a point in the same place), and a mark there."""
    place = path["places"][i]
    here = [tip for other in paths for tip, at in zip(other["tips"], other["places"])
            if max(abs(at[0] - place[0]), abs(at[1] - place[1])) < 0.3]
    said = hover(browser, chart, place)
    expected = [configurations[int(tip)] if tip.isdigit() else tip for tip in here]
    assert said["shown"] and said["text"] in expected, (said, expected)
    assert abs(said["place"][0] - place[0]) < 0.3 and abs(said["place"][1] - place[1]) < 0.3, (said, place)
    assert 0 <= said["left"] and said["right"] <= width, said
    (style, stroke), = said["near"]
    assert style == "dot" or stroke == "3px", said
    return said["text"]


def check_charts(browser, width):
    """Every chart says the values of its points; those of the winner are the leaderboard's. All that was said."""
    charts, configurations = browser.ask(CHARTS), browser.ask(CONFIGURATIONS)
    assert charts and configurations, "no charts"
    words = {}
    for number, chart in enumerate(charts):
        paths = chart["paths"]
        assert chart["label"], chart
        for path in paths:
            assert len(path["tips"]) == len(path["places"]), path
            for i in (0, -1):
                said = check_point(browser, number, paths, path, i, configurations, width)
                words.setdefault(chart["label"], []).append(said)
    winner = browser.ask(LEADERS % 1)[0]
    assert configurations[0].split(": ")[1].startswith(winner + " validation accuracy"), (configurations[0], winner)
    assert any(configurations[0] in said for said in words.values()), "no dot of the winner"
    curve = next(said for label, said in words.items() if label.startswith("accuracy by epoch"))
    heading = browser.ask("document.querySelector('#curves h3').textContent")
    epochs, value = curve[-1].split(", validation: ")
    assert epochs.startswith("epoch ") and heading.endswith(": " + value), (curve, heading)
    assert browser.ask(OVERFLOW) <= 0, "a tip makes the page wider"
    browser("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    gone = browser.ask(TIP)
    assert not gone["shown"] and not gone["near"] and gone.get("place") is None, ("the pointer has gone", gone)
    return words


def check_lines(browser):
    """A line of the parallel coordinates is thick under the pointer, and names its configuration."""
    line = """(() => {
      const line = [...document.querySelectorAll('figure .line')].at(-1);
      line.scrollIntoView({ block: 'center', inline: 'start', behavior: 'instant' });
      const path = line.querySelector('path'), middle = path.getPointAtLength(0.05 * path.getTotalLength());
      const { x, y } = middle.matrixTransform(path.getScreenCTM());
      return { x, y, title: line.querySelector('title').textContent }; })()"""
    found = browser.ask(line)
    browser("Input.dispatchMouseEvent", type="mouseMoved", x=found["x"], y=found["y"])
    thick = browser.ask("getComputedStyle([...document.querySelectorAll('figure .line')].at(-1).querySelector('path')).stroke")
    ink = browser.ask("getComputedStyle(document.querySelector('figure .mean')).stroke")
    assert thick == ink and found["title"].startswith(browser.ask(LEADERS % 1)[0]), (thick, ink, found)
    browser("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)


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
        words = check_charts(browser, width)
        check_lines(browser)
        browser("Emulation.setEmulatedMedia", media="screen",
                features=[{"name": "prefers-color-scheme", "value": "dark"}])
        assert check_charts(browser, width) == words, "dark mode says the same"
        check_tables(browser)
        if pictures:
            shown = browser("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            (pathlib.Path(pictures) / f"{width}_dark.png").write_bytes(base64.b64decode(shown))
        browser("Emulation.setEmulatedMedia", media="print")
        assert all(drawing["height"] > 20 for drawing in browser.ask(DRAWINGS)), "paper has the drawings"
        assert not browser.ask(TIP)["shown"], "paper has no pointer"
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


if __name__ == "__main__":
    main()
