#include "serve/numbers.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void us_numbers_fini(struct us_numbers *numbers)
{
	free(numbers->bits);
	*numbers = (struct us_numbers) US_NUMBERS_INIT;
}

bool us_numbers_add(struct us_numbers *numbers, uint32_t number)
{
	size_t at = number / 64;
	uint64_t bit = (uint64_t) 1 << number % 64;

	if (at >= numbers->words) {
		size_t words = at + 1 > 2 * numbers->words ? at + 1 : 2 * numbers->words;
		numbers->bits = us_realloc(numbers->bits, words * sizeof *numbers->bits);
		memset(numbers->bits + numbers->words, 0, (words - numbers->words) * sizeof *numbers->bits);
		numbers->words = words;
	}
	if (numbers->bits[at] & bit)
		return false;
	numbers->bits[at] |= bit;
	numbers->n++;
	return true;
}

bool us_numbers_has(const struct us_numbers *numbers, uint32_t number)
{
	return number / 64 < numbers->words && numbers->bits[number / 64] >> number % 64 & 1;
}

bool us_numbers_next(const struct us_numbers *numbers, uint32_t from, uint32_t *ret_number)
{
	for (size_t at = from / 64; at < numbers->words; at++) {
		uint64_t word = numbers->bits[at];
		if (at == from / 64)
			word &= ~(uint64_t) 0 << from % 64;
		if (word) {
			*ret_number = (uint32_t) (at * 64) + (uint32_t) __builtin_ctzll(word);
			return true;
		}
	}
	return false;
}
