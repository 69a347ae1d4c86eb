// What the schemes that go by server name have in common, and short answers for all.

#include "map.h"

static text listener;
// What clients dial, and where throughway listens.
static uint16_t port, local_port;

bool listener_configure(config_error *refusal) {
  return config_text("listener", &listener, refusal) && config_port("port", &port, refusal) &&
         config_port("local-port", &local_port, refusal);
}

advertised listener_at(text host) { return (advertised){{host, port}, local_port}; }

void listener_plan(uint8_t depends_on, size_t bootstraps, text *bootstrap, size_t names, text *name,
                   plan *answer) {
  advertised *addresses = items(bootstraps, sizeof(*addresses));
  for (size_t i = 0; i < bootstraps; i++) addresses[i] = listener_at(bootstrap[i]);
  TYPE(port_range) *range = items(1, sizeof(*range));
  *range = (TYPE(port_range)){local_port, local_port};
  TYPE(listener_plan) *one = items(1, sizeof(*one));
  one->name = JOIN(listener);
  one->needs_server_name = true;
  one->bootstrap.ptr = addresses;
  one->bootstrap.len = bootstraps;
  one->local_ports.ptr = range;
  one->local_ports.len = 1;
  one->server_names.ptr = name;
  one->server_names.len = names;
  answer->depends_on = depends_on;
  answer->listeners.ptr = one;
  answer->listeners.len = 1;
}

bool listener_name_in(const inbound *inbound, text *name, error *refusal) {
  if (!equal(inbound->listener, listener))
    return not_routable("not a listener of this map", refusal);
  if (!inbound->server_name.is_some) return not_routable("no server name", refusal);
  *name = inbound->server_name.val;
  return true;
}

bool to_broker(text label, const char *prefix, target *answer, error *refusal) {
  text before = literal(prefix);
  int32_t node_id;
  if (label.len < before.len || !equal((text){label.ptr, before.len}, before))
    return no_such_name(refusal);
  text rest = {label.ptr + before.len, label.len - before.len};
  if (!number(rest, INT32_MAX, &node_id)) return no_such_name(refusal);
  *answer = (target){.tag = EXPORTS_THROUGHWAY_ADDRMAP_ADDRESS_MAP_TARGET_BROKER};
  answer->val.broker.node_id = node_id;
  return true;
}

bool to_bootstrap(target *answer) {
  *answer = (target){.tag = EXPORTS_THROUGHWAY_ADDRMAP_ADDRESS_MAP_TARGET_BOOTSTRAP};
  return true;
}

bool not_mapped(const char *why, error *refusal) {
  refusal->tag = EXPORTS_THROUGHWAY_ADDRMAP_ADDRESS_MAP_ERROR_NOT_MAPPED;
  refusal->val.not_mapped = JOIN(literal(why));
  return false;
}

bool not_routable(const char *why, error *refusal) {
  refusal->tag = EXPORTS_THROUGHWAY_ADDRMAP_ADDRESS_MAP_ERROR_NOT_ROUTABLE;
  refusal->val.not_routable = JOIN(literal(why));
  return false;
}

bool no_such_name(error *refusal) { return not_routable("no broker has this name", refusal); }
