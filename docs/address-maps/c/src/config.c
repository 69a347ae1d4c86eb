// The configuration: lines of `key = value`; `#` begins a comment line.

#include "map.h"

// The whole text; it stays for the life of the instance.
static text lines;

// Takes the next line that is neither empty nor a comment; counts all.
static bool next_line(text *rest, text *line, int32_t *count) {
  while (rest->len) {
    text end = {rest->ptr + rest->len, 0};
    if (!split(*rest, '\n', line, rest)) {
      *line = *rest;
      *rest = end;
    }
    ++*count;
    *line = trimmed(*line);
    if (line->len && line->ptr[0] != '#') return true;
  }
  return false;
}

bool config_parse(text whole, config_error *refusal) {
  text rest = lines = whole, line, key, value;
  int32_t count = 0;
  while (next_line(&rest, &line, &count)) {
    if (split(line, '=', &key, &value)) continue;
    text at = JOIN(literal("line "), digits(count));
    return config_refused(at, "expected key = value", refusal);
  }
  return true;
}

bool config_text(const char *wanted, text *found, config_error *refusal) {
  text rest = lines, line, key, value;
  int32_t count = 0;
  while (next_line(&rest, &line, &count)) {
    if (!split(line, '=', &key, &value) || !equal(trimmed(key), literal(wanted))) continue;
    *found = trimmed(value);
    if (found->len) return true;
  }
  return config_refused(literal(wanted), "is missing", refusal);
}

bool config_port(const char *key, uint16_t *found, config_error *refusal) {
  text value;
  int32_t port;
  if (!config_text(key, &value, refusal)) return false;
  if (!number(value, 65535, &port) || port == 0)
    return config_refused(literal(key), "must be a number from 1 to 65535", refusal);
  *found = (uint16_t)port;
  return true;
}

bool config_refused(text at, const char *message, config_error *refusal) {
  refusal->at = (addrmap_option_string_t){true, JOIN(at)};
  refusal->message = JOIN(literal(message));
  return false;
}
