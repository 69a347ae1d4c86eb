// Names by rack: broker 5 in rack `eu-west-1a` is `b5.eu-west-1a.kafka.example.com`.
//
// A name tells where its broker is, so DNS can lead clients of each place a way of their own.

#include "map.h"

static text domain, known_racks;

static bool is_known(text rack) {
  text rest = known_racks, known;
  while (next_word(&rest, &known))
    if (equal(known, rack)) return true;
  return false;
}

static bool configure(plan *answer, config_error *refusal) {
  if (!listener_configure(refusal) || !config_text("domain", &domain, refusal) ||
      !config_text("racks", &known_racks, refusal))
    return false;
  size_t count = 1;
  text rest = known_racks, rack;
  while (next_word(&rest, &rack)) count++;
  text *names = items(count, sizeof(*names));
  names[0] = JOIN(literal("bootstrap."), domain);
  rest = known_racks;
  for (size_t i = 1; next_word(&rest, &rack); i++)
    names[i] = JOIN(literal("*."), rack, literal("."), domain);
  text bootstrap = JOIN(names[0]);
  listener_plan(0, 1, &bootstrap, count, names, answer);
  return true;
}

static bool advertise(const broker *broker, const client *client, advertised *answer,
                      error *refusal) {
  (void)client;
  if (!broker->rack.is_some || !is_known(broker->rack.val))
    return not_mapped("its rack is not in the configuration", refusal);
  *answer = listener_at(JOIN(literal("b"), digits(broker->node_id), literal("."), broker->rack.val,
                             literal("."), domain));
  return true;
}

static bool route(const inbound *inbound, target *answer, error *refusal) {
  text name, label, rack;
  if (!listener_name_in(inbound, &name, refusal)) return false;
  if (!below(name, domain, &name)) return no_such_name(refusal);
  if (equal(name, literal("bootstrap"))) return to_bootstrap(answer);
  if (!split(name, '.', &label, &rack) || !is_known(rack)) return no_such_name(refusal);
  return to_broker(label, "b", answer, refusal);
}

const struct scheme racks = {"racks", configure, advertise, route};
