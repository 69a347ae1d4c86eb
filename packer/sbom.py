#!/usr/bin/env python3
"""Writes what a binary is made of as CycloneDX.   sbom.py BINARY VERSION OUTPUT

A release build carries the list itself (cargo-auditable); a local build's is that of the lock file. Checksums and
licences are the lock file's and cargo's in both cases: the binary has names and versions."""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Fewer are no list of a proxy's parts, whatever else they are.
LEAST = 50


def carried(binary):
    """Names and versions in the binary, without what only its build ran; None when it has no list."""
    with tempfile.TemporaryDirectory() as folder:
        section = os.path.join(folder, "list")
        command = ["objcopy", "-O", "binary", "--only-section=.dep-v0", "--set-section-flags", ".dep-v0=alloc"]
        subprocess.run([*command, binary, section], check=True)
        if not os.path.exists(section) or os.path.getsize(section) == 0:
            return None
        with open(section, "rb") as file:
            packages = json.loads(zlib.decompress(file.read()))["packages"]
    return {
        (package["name"], package["version"])
        for package in packages
        if package.get("kind", "runtime") == "runtime" and package["source"] != "local"
    }


def licences():
    """Of all that is linked in, by name and version: no build tools, no test dependencies."""
    command = ["cargo", "tree", "--locked", "-p", "throughway", "-e", "normal", "--prefix", "none", "--format", "{p}|{l}"]
    told = subprocess.run(
        [f"{ROOT}/tests/setup/rust.sh", *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    found = {}
    for line in told.splitlines():
        package, _, licence = line.partition("|")
        name, version, *_ = package.split()
        # An older spelling of OR, which is none to SPDX.
        found[name, version.removeprefix("v")] = re.sub(r" */ *", " OR ", licence.removesuffix(" (*)"))
    return found


def checksums():
    """By the lock file. Members of this repository have none: they are the application itself."""
    with open(f"{ROOT}/Cargo.lock", "rb") as file:
        packages = tomllib.load(file)["package"]
    return {(one["name"], one["version"]): one["checksum"] for one in packages if "checksum" in one}


def component(part, checksum, licence):
    name, version = part
    made = {"type": "library", "name": name, "version": version, "purl": f"pkg:cargo/{name}@{version}"}
    made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if licence:
        made["licenses"] = [{"expression": licence}]
    return made


def main(binary, version, output):
    linked, locked = licences(), checksums()
    parts, source = carried(binary), "the binary"
    if parts is None:
        parts, source = {part for part in linked if part in locked}, "the lock file"
    if unknown := sorted(parts - locked.keys()):
        sys.exit(f"sbom: {binary} is not of this lock file: {unknown[:5]}")
    # The binary's list is made with the features of all the workspace, so it has a few that are not linked.
    parts &= linked.keys()
    if len(parts) < LEAST:
        sys.exit(f"sbom: {len(parts)} parts are too few")
    lines = [json.dumps(component(part, locked[part], linked.get(part)), separators=(",", ":")) for part in sorted(parts)]
    about = {"component": {"type": "application", "name": "throughway", "version": version}}
    about["properties"] = [{"name": "throughway:listed-by", "value": source}]
    head = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": about}, separators=(",", ":"))
    with open(output, "w", encoding="utf-8") as file:
        # A line for each part, so that two lists can be compared.
        file.write(head[:-1] + ',"components":[\n' + ",\n".join(lines) + "\n]}\n")


main(*sys.argv[1:])
