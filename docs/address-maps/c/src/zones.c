// A name for each client zone: broker 5 is `b5.office.example.com` for clients in zone `office`, and
// `b5.partner.example.net` for those in zone `partner`.
//
// The zones are those of `GATEWAY_ZONES`. Clients elsewhere are told no broker at all.

#include "map.h"

#define ZONE EXPORTS_THROUGHWAY_ADDRMAP_ADDRESS_MAP_CLIENT_FIELDS_ZONE

static text pairs;

// The next zone and its domain; `configure` has seen that all are whole.
static bool next_pair(text *rest, text *zone, text *domain) {
  text word;
  return next_word(rest, &word) && split(word, '=', zone, domain);
}

static bool configure(plan *answer, config_error *refusal) {
  if (!listener_configure(refusal) || !config_text("zones", &pairs, refusal)) return false;
  size_t count = 0;
  text rest = pairs, word, zone, domain;
  for (; next_word(&rest, &word); count++)
    if (!split(word, '=', &zone, &domain) || !zone.len || !domain.len)
      return config_refused(literal("zones"), "must be words of zone=domain", refusal);
  text *names = items(count, sizeof(*names)), *bootstrap = items(count, sizeof(*bootstrap));
  rest = pairs;
  for (size_t i = 0; next_pair(&rest, &zone, &domain); i++) {
    names[i] = JOIN(literal("*."), domain);
    bootstrap[i] = JOIN(literal("bootstrap."), domain);
  }
  listener_plan(ZONE, count, bootstrap, count, names, answer);
  return true;
}

static bool advertise(const broker *broker, const client *client, advertised *answer,
                      error *refusal) {
  text rest = pairs, zone, domain;
  while (client->zone.is_some && next_pair(&rest, &zone, &domain)) {
    if (!equal(zone, client->zone.val)) continue;
    *answer = listener_at(JOIN(literal("b"), digits(broker->node_id), literal("."), domain));
    return true;
  }
  return not_mapped("nothing for clients of this zone", refusal);
}

static bool route(const inbound *inbound, target *answer, error *refusal) {
  text name, label, rest = pairs, zone, domain;
  if (!listener_name_in(inbound, &name, refusal)) return false;
  while (next_pair(&rest, &zone, &domain)) {
    if (!below(name, domain, &label)) continue;
    if (equal(label, literal("bootstrap"))) return to_bootstrap(answer);
    return to_broker(label, "b", answer, refusal);
  }
  return no_such_name(refusal);
}

const struct scheme zones = {"zones", configure, advertise, route};
