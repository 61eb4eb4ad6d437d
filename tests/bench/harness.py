"""What the benchmarks have in common: a process with what it cost, thaw and its answers, Markdown tables."""

import csv
import dataclasses
import io
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Cost:
    seconds: float
    user: float  # seconds of all its threads and processes
    system: float
    peak_bytes: int
    page_faults: int

    def __str__(self):
        return (f"{self.seconds:.2f} s (user {self.user:.2f}, system {self.system:.2f}; "
                f"peak {self.peak_bytes / 1e6:.0f} MB, {self.page_faults} page faults)")


def run(command, **options):
    """Runs the command to its end; what it cost. Its failure ends the benchmark."""
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], **options)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode} from: {' '.join(map(str, command))}")
    return Cost(time.monotonic() - start, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024, usage.ru_minflt)


class Thaw:
    """The program, with a folder of runs."""

    def __init__(self, program, runs):
        self.program, self.runs = pathlib.Path(program).resolve(), pathlib.Path(runs)

    def run(self, sweep, *options, **more):
        return run([self.program, "run", sweep, "--runs", self.runs, "--quiet", *options], **more)

    def query(self, name, sql):
        """The rows as dictionaries of text."""
        command = [self.program, "query", name, sql, "--runs", self.runs, "--csv"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        return list(csv.DictReader(io.StringIO(answer.stdout)))

    def number(self, name, sql):
        (row,) = self.query(name, sql)
        (value,) = row.values()
        return float(value or 0)

    def forget_results(self, name):
        """Only what was decoded and carried through frozen layers stays, in the cache that all runs share."""
        shutil.rmtree(self.runs / name)
        for snapshot in self.runs.rglob("snapshot-*.state"):
            snapshot.unlink()

    def dataset(self):
        """The list of images and their parts, as the latest run saw them."""
        return max(self.runs.rglob("dataset-*.json"), key=lambda file: file.stat().st_mtime)


def need(*folders):
    """Ends with a word on what is missing, as a skip: a benchmark without data is no failure."""
    data = pathlib.Path(os.environ.get("THAW_DATA", ""))
    missing = [folder for folder in folders if not (data / folder).is_dir()]
    if "THAW_DATA" not in os.environ or "THAW_WEIGHTS" not in os.environ or missing:
        print(f"skipped: THAW_DATA must be a folder that holds {', '.join(folders)}, THAW_WEIGHTS one with the weights")
        sys.exit(0)


def table(rows):
    """A Markdown table of rows of dictionaries with the same keys."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns)] + [[str(row[column]) for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
