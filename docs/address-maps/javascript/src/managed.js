// A managed service whose brokers have names that can be computed: broker 5 is `b-5.kafka.example.com`
// for clients and `b-5.demo.a1b2c3.c2.kafka.eu-west-1.amazonaws.com` for throughway.
//
// With `GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS=true` a client that comes back after a restart reaches its
// broker before the cluster has told where that broker is.

import { BOOTSTRAP, Listener, below, broker } from './names.js';

export class Managed {
  #listener;
  #domain;
  #upstreamDomain;
  #upstreamPort;

  constructor(config) {
    this.#listener = new Listener(config);
    this.#domain = config.text('domain');
    this.#upstreamDomain = config.text('upstream-domain');
    this.#upstreamPort = config.port('upstream-port');
  }

  plan() {
    return this.#listener.plan({}, [`bootstrap.${this.#domain}`], [`*.${this.#domain}`]);
  }

  advertise({ nodeId }) {
    return this.#listener.at(`b-${nodeId}.${this.#domain}`);
  }

  route(inbound) {
    const label = below(this.#listener.nameIn(inbound), this.#domain);
    if (label === 'bootstrap') return BOOTSTRAP;
    const hint = (id) => ({ host: `b-${id}.${this.#upstreamDomain}`, port: this.#upstreamPort });
    return broker(label, 'b-', hint);
  }
}
