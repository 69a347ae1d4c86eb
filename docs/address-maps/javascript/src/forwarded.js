// Ports behind a balancer that forwards a row of public ports to a row of throughway's: the first is
// for bootstrap, and broker n has the one n + 1 further, so that another broker moves nobody.

import { configError } from './config.js';
import { BOOTSTRAP, notMapped, notRoutable } from './names.js';

export class Forwarded {
  #listener;
  #host;
  #publicFirst;
  #localFirst;
  // How far the last port is from the first.
  #last;

  constructor(config) {
    this.#publicFirst = config.port('public-first');
    this.#localFirst = config.port('local-first');
    this.#last = config.port('count') - 1;
    if (Math.max(this.#publicFirst, this.#localFirst) + this.#last > 65535) {
      throw configError('count', 'goes beyond port 65535');
    }
    this.#listener = config.text('listener');
    this.#host = config.text('host');
  }

  #at(offset) {
    const port = this.#publicFirst + offset;
    return { public: { host: this.#host, port }, localPort: this.#localFirst + offset };
  }

  plan() {
    const listener = {
      name: this.#listener,
      needsServerName: false,
      bootstrap: [this.#at(0)],
      localPorts: [{ first: this.#localFirst, last: this.#localFirst + this.#last }],
      serverNames: [this.#host],
    };
    return { dependsOn: {}, listeners: [listener] };
  }

  advertise({ nodeId }) {
    if (nodeId + 1 > this.#last) throw notMapped('no port for this id');
    return this.#at(nodeId + 1);
  }

  route({ listener, localPort }) {
    if (listener !== this.#listener) throw notRoutable('not a listener of this map');
    const offset = localPort - this.#localFirst;
    if (offset < 0 || offset > this.#last) throw notRoutable('no broker has this port');
    if (offset === 0) return BOOTSTRAP;
    return { tag: 'broker', val: { nodeId: offset - 1, upstreamHint: undefined } };
  }
}
