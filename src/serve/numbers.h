/* Numbers: a set of a directory's users or groups, one bit each. Owns: bits. */
#ifndef US_SERVE_NUMBERS_H
#define US_SERVE_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct us_numbers {
	uint64_t *bits;
	size_t words;
	uint32_t n; /* members */
};

#define US_NUMBERS_INIT { 0 }

void us_numbers_fini(struct us_numbers *numbers);
bool us_numbers_add(struct us_numbers *numbers, uint32_t number); /* false: it was in */
bool us_numbers_has(const struct us_numbers *numbers, uint32_t number);
/* The first member that is at least from; false: there is none. */
bool us_numbers_next(const struct us_numbers *numbers, uint32_t from, uint32_t *ret_number);

#endif
