"""The configuration: lines of `key = value`; `#` begins a comment line."""

from componentize_py_types import Err
from wit_world.exports.address_map import ConfigError


class Config:
    def __init__(self, text: str):
        self.lines = []
        for number, line in enumerate(text.split("\n"), start=1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            key, separator, value = line.partition("=")
            if not separator:
                raise config_error(f"line {number}", "expected key = value")
            self.lines.append((key.strip(), value.strip()))

    def text(self, key: str) -> str:
        for name, value in self.lines:
            if name == key and value:
                return value
        raise config_error(key, "is missing")

    def words(self, key: str) -> list[str]:
        return self.text(key).split()

    def port(self, key: str) -> int:
        """From 1 to 65535."""
        port = number(self.text(key))
        if port is None or not 1 <= port <= 65535:
            raise config_error(key, "must be a number from 1 to 65535")
        return port


def number(digits: str) -> int | None:
    """Of ASCII digits alone: `int` takes signs, spaces and the digits of other scripts too."""
    return int(digits) if digits.isascii() and digits.isdigit() else None


def config_error(at: str, message: str) -> Err:
    return Err(ConfigError(at=at, message=message))
