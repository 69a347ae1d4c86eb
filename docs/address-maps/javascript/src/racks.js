// Names by rack: broker 5 in rack `eu-west-1a` is `b5.eu-west-1a.kafka.example.com`.
//
// A name tells where its broker is, so DNS can lead clients of each place a way of their own.

import { BOOTSTRAP, Listener, below, broker, noSuchName, notMapped } from './names.js';

export class Racks {
  #listener;
  #domain;
  #racks;

  constructor(config) {
    this.#listener = new Listener(config);
    this.#domain = config.text('domain');
    this.#racks = config.words('racks');
  }

  plan() {
    const bootstrap = `bootstrap.${this.#domain}`;
    const names = this.#racks.map((rack) => `*.${rack}.${this.#domain}`);
    return this.#listener.plan({}, [bootstrap], [bootstrap, ...names]);
  }

  advertise({ nodeId, rack }) {
    if (!this.#racks.includes(rack)) throw notMapped('its rack is not in the configuration');
    return this.#listener.at(`b${nodeId}.${rack}.${this.#domain}`);
  }

  route(inbound) {
    const name = below(this.#listener.nameIn(inbound), this.#domain);
    if (name === 'bootstrap') return BOOTSTRAP;
    const dot = name?.indexOf('.') ?? -1;
    if (dot < 0 || !this.#racks.includes(name.slice(dot + 1))) throw noSuchName();
    return broker(name.slice(0, dot), 'b');
  }
}
