"""Writes what `make soak` has run into docs/soak.md: a line for each test, the newest result of it.

Usage: soak.py DOCUMENT NOTES LOG PROFILE. A test's note says what it ran; the log, whether one failed.
"""

import datetime
import os
import pathlib
import re
import subprocess
import sys

BEGIN = "<!-- results: written by `make soak` -->"
END = "<!-- end of results -->"
HEAD = "| Test | Run, and result | When | Of |\n|---|---|---|---|\n"


def main():
    document, notes, log, profile = sys.argv[1:5]
    path = pathlib.Path(document)
    before, rest = path.read_text().split(BEGIN)
    table, after = rest.split(END)
    rows = {}
    for line in table.strip().splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[cells[0]] = cells
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True)
    of = f"{commit.stdout.strip()}, {profile}"
    when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    load = ", load %.1f" % os.getloadavg()[1]
    notes = pathlib.Path(notes)
    for line in notes.read_text().splitlines() if notes.exists() else []:
        test, result = line.split("\t", 1)
        rows[test] = [test, result.replace("|", "/"), when + load, of]
    for test in sorted(set(re.findall(r"^test (\S+) \.\.\. FAILED", pathlib.Path(log).read_text(errors="replace"), re.M))):
        rows[test] = [test, "**failed**", when + load, of]
    text = "".join("| " + " | ".join(rows[test]) + " |\n" for test in sorted(rows))
    path.write_text(before + BEGIN + "\n" + HEAD + text + END + after)


main()
