// A managed service whose brokers have names that can be computed: broker 5 is `b-5.kafka.example.com`
// for clients and `b-5.demo.a1b2c3.c2.kafka.eu-west-1.amazonaws.com` for throughway.
//
// With `GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS=true` a client that comes back after a restart reaches its
// broker before the cluster has told where that broker is.

#include "map.h"

static text domain, upstream_domain;
static uint16_t upstream_port;

static bool configure(plan *answer, config_error *refusal) {
  if (!listener_configure(refusal) || !config_text("domain", &domain, refusal) ||
      !config_text("upstream-domain", &upstream_domain, refusal) ||
      !config_port("upstream-port", &upstream_port, refusal))
    return false;
  text bootstrap = JOIN(literal("bootstrap."), domain), *names = items(1, sizeof(*names));
  names[0] = JOIN(literal("*."), domain);
  listener_plan(0, 1, &bootstrap, 1, names, answer);
  return true;
}

static bool advertise(const broker *broker, const client *client, advertised *answer,
                      error *refusal) {
  (void)client, (void)refusal;
  *answer = listener_at(JOIN(literal("b-"), digits(broker->node_id), literal("."), domain));
  return true;
}

static bool route(const inbound *inbound, target *answer, error *refusal) {
  text name, label;
  if (!listener_name_in(inbound, &name, refusal)) return false;
  if (!below(name, domain, &label)) return no_such_name(refusal);
  if (equal(label, literal("bootstrap"))) return to_bootstrap(answer);
  if (!to_broker(label, "b-", answer, refusal)) return false;
  text host = JOIN(literal("b-"), digits(answer->val.broker.node_id), literal("."), upstream_domain);
  answer->val.broker.upstream_hint.is_some = true;
  answer->val.broker.upstream_hint.val = (TYPE(endpoint)){host, upstream_port};
  return true;
}

const struct scheme managed = {"managed", configure, advertise, route};
