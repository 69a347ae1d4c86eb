// An address map for throughway: four schemes, of which the configuration chooses one.
//
// Keep the file of the scheme you want and change it; `struct scheme` is all a scheme has to answer.
// The four functions of the world are here; they free what they were given.

#include "map.h"

static const struct scheme *const schemes[] = {&racks, &zones, &managed, &forwarded};

// throughway configures each instance once, before anything else is asked.
static const struct scheme *scheme;

static void copy(text *to, const char *zero_ended) { addrmap_string_dup(to, zero_ended); }

void exports_throughway_addrmap_address_map_describe(TYPE(scheme) *answer) {
  copy(&answer->name, "schemes");
  copy(&answer->version, "0.1.0");
  copy(&answer->summary, "racks, zones, a managed service or forwarded ports");
  copy(&answer->config_help, "lines of key = value; scheme = racks, zones, managed or forwarded");
}

bool exports_throughway_addrmap_address_map_configure(text *config, plan *answer,
                                                      config_error *refusal) {
  text name;
  if (!config_parse(*config, refusal) || !config_text("scheme", &name, refusal)) return false;
  for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
    if (!equal(name, literal(schemes[i]->name))) continue;
    scheme = schemes[i];
    return scheme->configure(answer, refusal);
  }
  return config_refused(literal("scheme"), "must be racks, zones, managed or forwarded", refusal);
}

bool exports_throughway_addrmap_address_map_advertise(broker *broker, client *client,
                                                      advertised *answer, error *refusal) {
  bool found = broker->node_id < 0 ? not_mapped("no broker has this id", refusal)
                                   : scheme->advertise(broker, client, answer, refusal);
  exports_throughway_addrmap_address_map_broker_free(broker);
  exports_throughway_addrmap_address_map_client_free(client);
  return found;
}

bool exports_throughway_addrmap_address_map_route(inbound *inbound, target *answer, error *refusal) {
  bool found = scheme->route(inbound, answer, refusal);
  exports_throughway_addrmap_address_map_inbound_free(inbound);
  return found;
}
