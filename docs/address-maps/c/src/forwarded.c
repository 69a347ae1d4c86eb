// Ports behind a balancer that forwards a row of public ports to a row of throughway's: the first is
// for bootstrap, and broker n has the one n + 1 further, so that another broker moves nobody.

#include "map.h"

static text listener, host;
static uint16_t public_first, local_first;
// How far the last port is from the first.
static int32_t last;

static advertised at(int32_t offset) {
  return (advertised){{JOIN(host), (uint16_t)(public_first + offset)},
                      (uint16_t)(local_first + offset)};
}

static bool configure(plan *answer, config_error *refusal) {
  uint16_t count;
  if (!config_port("public-first", &public_first, refusal) ||
      !config_port("local-first", &local_first, refusal) || !config_port("count", &count, refusal))
    return false;
  last = count - 1;
  if ((public_first > local_first ? public_first : local_first) + last > 65535)
    return config_refused(literal("count"), "goes beyond port 65535", refusal);
  if (!config_text("listener", &listener, refusal) || !config_text("host", &host, refusal))
    return false;
  TYPE(listener_plan) *one = items(1, sizeof(*one));
  one->name = JOIN(listener);
  one->bootstrap.len = one->local_ports.len = one->server_names.len = 1;
  one->bootstrap.ptr = items(1, sizeof(*one->bootstrap.ptr));
  one->bootstrap.ptr[0] = at(0);
  one->local_ports.ptr = items(1, sizeof(*one->local_ports.ptr));
  one->local_ports.ptr[0] = (TYPE(port_range)){local_first, (uint16_t)(local_first + last)};
  one->server_names.ptr = items(1, sizeof(text));
  one->server_names.ptr[0] = JOIN(host);
  answer->depends_on = 0;
  answer->listeners.ptr = one;
  answer->listeners.len = 1;
  return true;
}

static bool advertise(const broker *broker, const client *client, advertised *answer,
                      error *refusal) {
  (void)client;
  if (broker->node_id >= last) return not_mapped("no port for this id", refusal);
  *answer = at(broker->node_id + 1);
  return true;
}

static bool route(const inbound *inbound, target *answer, error *refusal) {
  if (!equal(inbound->listener, listener))
    return not_routable("not a listener of this map", refusal);
  int32_t offset = (int32_t)inbound->local_port - local_first;
  if (offset < 0 || offset > last) return not_routable("no broker has this port", refusal);
  if (offset == 0) return to_bootstrap(answer);
  *answer = (target){.tag = EXPORTS_THROUGHWAY_ADDRMAP_ADDRESS_MAP_TARGET_BROKER};
  answer->val.broker.node_id = offset - 1;
  return true;
}

const struct scheme forwarded = {"forwarded", configure, advertise, route};
