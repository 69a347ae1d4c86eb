// A name for each client zone: broker 5 is `b5.office.example.com` for clients in zone `office`, and
// `b5.partner.example.net` for those in zone `partner`.
//
// The zones are those of `GATEWAY_ZONES`. Clients elsewhere are told no broker at all.

import { configError } from './config.js';
import { BOOTSTRAP, Listener, below, broker, noSuchName, notMapped } from './names.js';

export class Zones {
  #listener;
  // Zone and its domain.
  #zones;

  constructor(config) {
    this.#listener = new Listener(config);
    this.#zones = config.words('zones').map(pair);
  }

  plan() {
    const domains = this.#zones.map(([, domain]) => domain);
    const bootstrap = domains.map((domain) => `bootstrap.${domain}`);
    return this.#listener.plan({ zone: true }, bootstrap, domains.map((domain) => `*.${domain}`));
  }

  advertise({ nodeId }, { zone }) {
    const found = this.#zones.find(([name]) => name === zone);
    if (!found) throw notMapped('nothing for clients of this zone');
    return this.#listener.at(`b${nodeId}.${found[1]}`);
  }

  route(inbound) {
    const name = this.#listener.nameIn(inbound);
    for (const [, domain] of this.#zones) {
      const label = below(name, domain);
      if (label === 'bootstrap') return BOOTSTRAP;
      if (label !== undefined) return broker(label, 'b');
    }
    throw noSuchName();
  }
}

function pair(word) {
  const at = word.indexOf('=');
  if (at < 1 || at === word.length - 1) throw configError('zones', 'must be words of zone=domain');
  return [word.slice(0, at), word.slice(at + 1)];
}
