// Text without a zero at its end, and memory for answers.

#include <stdlib.h>
#include <string.h>

#include "map.h"

text literal(const char *zero_ended) {
  return (text){(uint8_t *)zero_ended, strlen(zero_ended)};
}

bool equal(text one, text other) {
  return one.len == other.len && (one.len == 0 || memcmp(one.ptr, other.ptr, one.len) == 0);
}

static text part(text whole, size_t from, size_t to) {
  return (text){whole.ptr + from, to - from};
}

static bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

bool below(text name, text domain, text *found) {
  if (name.len <= domain.len) return false;
  size_t dot = name.len - domain.len - 1;
  if (name.ptr[dot] != '.' || !equal(part(name, dot + 1, name.len), domain)) return false;
  *found = part(name, 0, dot);
  return true;
}

text trimmed(text whole) {
  size_t from = 0, to = whole.len;
  while (from < to && is_space(whole.ptr[from])) from++;
  while (from < to && is_space(whole.ptr[to - 1])) to--;
  return part(whole, from, to);
}

bool next_word(text *rest, text *word) {
  text left = trimmed(*rest);
  if (left.len == 0) return false;
  size_t end = 0;
  while (end < left.len && !is_space(left.ptr[end])) end++;
  *word = part(left, 0, end);
  *rest = part(left, end, left.len);
  return true;
}

bool split(text whole, char at, text *before, text *after) {
  for (size_t i = 0; i < whole.len; i++) {
    if (whole.ptr[i] != (uint8_t)at) continue;
    *before = part(whole, 0, i);
    *after = part(whole, i + 1, whole.len);
    return true;
  }
  return false;
}

void *items(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory && count) abort();
  return memory;
}

text joined(size_t count, const text *parts) {
  size_t length = 0;
  for (size_t i = 0; i < count; i++) length += parts[i].len;
  text whole = {items(length, 1), length};
  uint8_t *at = whole.ptr;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].len) memcpy(at, parts[i].ptr, parts[i].len);
    at += parts[i].len;
  }
  return whole;
}

text digits(int32_t number) {
  static uint8_t buffer[10];
  size_t at = sizeof(buffer);
  do {
    buffer[--at] = (uint8_t)('0' + number % 10);
    number /= 10;
  } while (number);
  return (text){buffer + at, sizeof(buffer) - at};
}

bool number(text digits, int32_t most, int32_t *found) {
  int64_t value = 0;
  if (digits.len == 0 || (digits.len > 1 && digits.ptr[0] == '0')) return false;
  for (size_t i = 0; i < digits.len; i++) {
    if (digits.ptr[i] < '0' || digits.ptr[i] > '9') return false;
    value = value * 10 + (digits.ptr[i] - '0');
    if (value > most) return false;
  }
  *found = (int32_t)value;
  return true;
}
