/* Script: Lua 5.4 in a box. A chunk is the body of a function: it sees a user, computes, and returns a value.
 *
 * What it sees: user and existing (fields by name: a string, a list of strings if there are several, nil; existing is nil if there is none),
 * connector (text), value and values (what came so far, the first and all), drop, and the library of script_lib.c. It returns a string, number,
 * boolean, a list of those, nil, or drop.
 *
 * Nothing else goes in or out: no I/O, no clock, no randomness, no addresses, no order of a hash table, no global that could be set. So the
 * same input gives the same result, whatever ran before. Bounds, all of one call: US_SCRIPT_BUDGET, which instructions, long texts and library
 * calls are charged to; US_SCRIPT_MEMORY_BYTES; US_SCRIPT_BLOCK_BYTES for one text or table. The library's own loops are in Lua or are charged by
 * the size of what they walk over, and patterns are regular expressions (base/regex.h), so none of them holds inside C where no hook counts.
 *
 * One thread at a time. Spec: Lua 5.4 Reference Manual.
 */
#ifndef US_BASE_SCRIPT_H
#define US_BASE_SCRIPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"

enum {
	US_SCRIPT_SOURCE_BYTES = 16384,
	US_SCRIPT_BUDGET = 200000,
	US_SCRIPT_MEMORY_BYTES = 4 << 20,
	US_SCRIPT_BLOCK_BYTES = 128 << 10,
	US_SCRIPT_MAX_VALUES = 1000, /* of a list that is returned */
};

struct us_script;

/* Owns: the chunks, until free. */
struct us_script *us_script_new(void);
void us_script_free(struct us_script *script);

/* *ret_chunk: for run. Errors: US_CONFIG with the line and what is wrong. */
enum us_errc us_script_compile(struct us_script *script, struct us_slice source, int *ret_chunk, struct us_err *err);

/* A whole number that the script sees under that name; nil if it is not known. */
struct us_script_number {
	const char *name;
	int64_t value;
	bool is_nil;
};

struct us_script_input {
	const struct us_field *user, *existing; /* names compare as ASCII without case */
	size_t n_user, n_existing;
	bool has_existing;
	struct us_slice connector;
	const struct us_slice *values;
	size_t n_values;
	const struct us_script_number *numbers; /* the same names in each call of a script */
	size_t n_numbers;
};

struct us_script_result {
	bool is_drop;
	const struct us_slice *values; /* in the arena; none for nil */
	size_t n;
};
/* Errors: US_INVALID with the line and what is wrong ("line 3: …"). */
enum us_errc us_script_run(struct us_script *script, int chunk, const struct us_script_input *input, struct us_arena *arena,
	struct us_script_result *ret_result, struct us_err *err);

#endif
