#include "source/file_proof.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

bool us_file_proof_is_marker(const struct us_file_proof *proof, struct us_slice line, int64_t *ret_rows)
{
	struct us_slice marker = proof->marker;
	const char *place = marker.n ? memmem(marker.p, marker.n, "{rows}", 6) : NULL;

	*ret_rows = -1;
	if (!marker.n)
		return false;
	if (!place)
		return us_slice_is_equal(line, marker);
	size_t head = (size_t) (place - marker.p), tail = marker.n - head - 6;
	if (line.n <= head + tail || memcmp(line.p, marker.p, head) != 0 || memcmp(line.p + line.n - tail, place + 6, tail) != 0)
		return false;
	return us_slice_to_int((struct us_slice) { line.p + head, line.n - head - tail }, ret_rows) && *ret_rows >= 0;
}

void us_file_doubts_add(struct us_file_doubts *doubts, const char *format, ...)
{
	va_list ap;

	if (doubts->n++)
		return;
	va_start(ap, format);
	vsnprintf(doubts->first, sizeof doubts->first, format, ap);
	va_end(ap);
}

enum us_errc us_file_doubts_tell(const struct us_file_doubts *doubts, struct us_err *err)
{
	if (!doubts->n)
		return US_OK;
	if (doubts->n == 1)
		return us_err_set(err, US_PARTIAL, "%s", doubts->first);
	return us_err_set(err, US_PARTIAL, "%.440s (and %lld more such places)", doubts->first, (long long) doubts->n - 1);
}

void us_file_seen_fini(struct us_file_seen *seen)
{
	us_map_fini(&seen->ids);
	free(seen->steps);
	*seen = (struct us_file_seen) { 0 };
}

static int64_t line_of(const struct us_file_seen *seen, uint32_t number)
{
	size_t low = 0, high = seen->n_steps;

	/* steps[low].first <= number < steps[high].first */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (seen->steps[middle].first <= number)
			low = middle;
		else
			high = middle;
	}
	return number + seen->steps[low].ahead;
}

bool us_file_seen_add(struct us_file_seen *seen, struct us_slice id, int64_t line, int64_t *ret_line)
{
	bool is_new;
	uint32_t number = us_map_put(&seen->ids, us_hash_slice(id), &is_new);

	if (!is_new) {
		*ret_line = line_of(seen, number);
		return false;
	}
	if (!seen->n_steps || seen->steps[seen->n_steps - 1].ahead != line - number) {
		if (seen->n_steps == seen->cap_steps) {
			seen->cap_steps = seen->cap_steps ? seen->cap_steps * 2 : 16;
			seen->steps = us_realloc(seen->steps, seen->cap_steps * sizeof *seen->steps);
		}
		seen->steps[seen->n_steps++] = (struct us_file_seen_step) { number, line - number };
	}
	return true;
}

bool us_file_seen_has(const struct us_file_seen *seen, struct us_slice id)
{
	return us_map_find(&seen->ids, us_hash_slice(id)) != US_MAP_NONE;
}
