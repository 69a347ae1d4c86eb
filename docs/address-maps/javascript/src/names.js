// What the schemes that go by server name have in common.

// The listener of a map whose addresses differ in the name alone.
export class Listener {
  #name;
  // What clients dial.
  #port;
  // Where throughway listens.
  #localPort;

  constructor(config) {
    this.#name = config.text('listener');
    this.#port = config.port('port');
    this.#localPort = config.port('local-port');
  }

  at(host) {
    return { public: { host, port: this.#port }, localPort: this.#localPort };
  }

  plan(dependsOn, bootstrap, serverNames) {
    const listener = {
      name: this.#name,
      needsServerName: true,
      bootstrap: bootstrap.map((host) => this.at(host)),
      localPorts: [{ first: this.#localPort, last: this.#localPort }],
      serverNames,
    };
    return { dependsOn, listeners: [listener] };
  }

  // The name that a connection asks for.
  nameIn(inbound) {
    if (inbound.listener !== this.#name) throw notRoutable('not a listener of this map');
    if (inbound.serverName === undefined) throw notRoutable('no server name');
    return inbound.serverName;
  }
}

// What stands before `.domain`, or undefined.
export function below(name, domain) {
  return name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : undefined;
}

// The target of `b5` when the prefix is `b`: the id as it is written and no other way.
export function broker(label, prefix, hint) {
  const digits = label?.startsWith(prefix) ? label.slice(prefix.length) : '';
  const nodeId = Number(digits);
  if (!/^(0|[1-9][0-9]*)$/.test(digits) || nodeId > 2147483647) throw noSuchName();
  return { tag: 'broker', val: { nodeId, upstreamHint: hint?.(nodeId) } };
}

export const BOOTSTRAP = { tag: 'bootstrap' };

export function notMapped(text) {
  return { tag: 'not-mapped', val: text };
}

export function notRoutable(text) {
  return { tag: 'not-routable', val: text };
}

export function noSuchName() {
  return notRoutable('no broker has this name');
}
