// What the files of this map share: short names for the generated types, text, the configuration, and
// what a scheme is.

#ifndef MAP_H
#define MAP_H

#include "../bindings/addrmap.h"

// The generated names are long: module, interface and type.
#define TYPE(name) exports_throughway_addrmap_address_map_##name##_t

typedef TYPE(advertised) advertised;
typedef TYPE(broker) broker;
typedef TYPE(client) client;
typedef TYPE(config_error) config_error;
typedef TYPE(error) error;
typedef TYPE(inbound) inbound;
typedef TYPE(plan) plan;
typedef TYPE(target) target;

// Bytes and their number; not ended by a zero.
typedef addrmap_string_t text;

// One way to give brokers addresses. Each function is true when it has filled in the answer, else it
// has filled in the error. All answers depend on the arguments and the configuration alone.
struct scheme {
  const char *name;
  // Reads the configuration; tells what throughway has to listen on, and what DNS and certificates
  // have to cover.
  bool (*configure)(plan *answer, config_error *refusal);
  // The address that clients are told for a broker.
  bool (*advertise)(const broker *broker, const client *client, advertised *answer, error *refusal);
  // What a connection is for. It leads back from every address that `advertise` gives.
  bool (*route)(const inbound *inbound, target *answer, error *refusal);
};

extern const struct scheme racks, zones, managed, forwarded;

// text.c

text literal(const char *zero_ended);
bool equal(text one, text other);
// What stands before `.domain`; false if the text does not end so.
bool below(text name, text domain, text *found);
// The next of the words that white space divides; false when there is none left.
bool next_word(text *rest, text *word);
// Splits at the first such byte; false if there is none.
bool split(text whole, char at, text *before, text *after);
text trimmed(text whole);
// All parts in one, in memory of its own: answers are freed after the call.
text joined(size_t count, const text *parts);
#define JOIN(...) joined(sizeof((text[]){__VA_ARGS__}) / sizeof(text), (text[]){__VA_ARGS__})
// The digits of a number that is not negative; they are valid until the next call.
text digits(int32_t number);
// Reads digits without leading zeros; false for anything else, or beyond `most`.
bool number(text digits, int32_t most, int32_t *found);
void *items(size_t count, size_t size);

// config.c

// Keeps the text; false and the error for a line that is none.
bool config_parse(text whole, config_error *refusal);
bool config_text(const char *key, text *found, config_error *refusal);
// From 1 to 65535.
bool config_port(const char *key, uint16_t *found, config_error *refusal);
// Always false, for `return`.
bool config_refused(text at, const char *message, config_error *refusal);

// names.c: what the schemes that go by server name have in common

// Reads the listener's name and ports.
bool listener_configure(config_error *refusal);
// An address of the listener; takes the host.
advertised listener_at(text host);
// Takes the names, `names` of them each.
void listener_plan(uint8_t depends_on, size_t bootstraps, text *bootstrap, size_t names, text *name,
                   plan *answer);
// The name that a connection asks for.
bool listener_name_in(const inbound *inbound, text *name, error *refusal);
// The answer for `b5` when the prefix is `b`: the id as it is written and no other way.
bool to_broker(text label, const char *prefix, target *answer, error *refusal);
bool to_bootstrap(target *answer);
// Always false, for `return`.
bool not_mapped(const char *why, error *refusal);
bool not_routable(const char *why, error *refusal);
bool no_such_name(error *refusal);

#endif
