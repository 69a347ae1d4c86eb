// The configuration: lines of `key = value`; `#` begins a comment line.

export class Config {
  #lines = [];

  constructor(text) {
    for (const [index, line] of text.split('\n').entries()) {
      const trimmed = line.trim();
      if (trimmed === '' || trimmed.startsWith('#')) continue;
      const at = trimmed.indexOf('=');
      if (at < 0) throw configError(`line ${index + 1}`, 'expected key = value');
      this.#lines.push([trimmed.slice(0, at).trim(), trimmed.slice(at + 1).trim()]);
    }
  }

  text(key) {
    const found = this.#lines.find(([name, value]) => name === key && value !== '');
    if (!found) throw configError(key, 'is missing');
    return found[1];
  }

  words(key) {
    return this.text(key).split(/\s+/);
  }

  // From 1 to 65535.
  port(key) {
    const text = this.text(key);
    const port = /^[0-9]+$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65535) throw configError(key, 'must be a number from 1 to 65535');
    return port;
  }
}

// What is thrown is the error of the function's result.
export function configError(at, message) {
  return { at, message };
}
