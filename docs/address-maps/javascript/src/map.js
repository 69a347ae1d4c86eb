// An address map for throughway: four schemes, of which the configuration chooses one.
//
// Keep the module of the scheme you want and change it. A scheme answers `plan`, `advertise` and
// `route`; all answers depend on the arguments and the configuration alone.

import { Config, configError } from './config.js';
import { Forwarded } from './forwarded.js';
import { Managed } from './managed.js';
import { notMapped } from './names.js';
import { Racks } from './racks.js';
import { Zones } from './zones.js';

const SCHEMES = new Map([
  ['racks', Racks],
  ['zones', Zones],
  ['managed', Managed],
  ['forwarded', Forwarded],
]);

// throughway configures each instance once, before anything else is asked.
let scheme;

export const addressMap = {
  describe() {
    return {
      name: 'schemes',
      version: '0.1.0',
      summary: 'racks, zones, a managed service or forwarded ports',
      configHelp: 'lines of key = value; scheme = racks, zones, managed or forwarded',
    };
  },

  // What throughway has to listen on, and what DNS and certificates have to cover.
  configure(text) {
    const config = new Config(text);
    const Scheme = SCHEMES.get(config.text('scheme'));
    if (!Scheme) throw configError('scheme', 'must be racks, zones, managed or forwarded');
    scheme = new Scheme(config);
    return scheme.plan();
  },

  // The address that clients are told for a broker.
  advertise(broker, client) {
    if (broker.nodeId < 0) throw notMapped('no broker has this id');
    return scheme.advertise(broker, client);
  },

  // What a connection is for. It leads back from every address that `advertise` gives.
  route(inbound) {
    return scheme.route(inbound);
  },
};
