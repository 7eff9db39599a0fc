/* A target that is taken apart and put together again from its parts means the same. */
#include <stdint.h>

#include "net/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) { us_assert(ok); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str raw = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_target a, b;

	if (us_target_parse(&arena, (struct us_slice) { (const char *) data, size }, &a, &err) == US_OK && !a.is_asterisk) {
		for (size_t i = 0; i < a.segments_n; i++) {
			check(us_slice_is_utf8(a.segments[i]));
			us_str_add_char(&raw, '/');
			us_target_add_encoded(&raw, a.segments[i]);
		}
		if (a.has_trailing_slash)
			us_str_add_char(&raw, '/');
		for (size_t i = 0; i < a.query_n; i++) {
			us_str_add_char(&raw, i ? '&' : '?');
			us_target_add_encoded(&raw, a.query[i].name);
			us_str_add_char(&raw, '=');
			us_target_add_encoded(&raw, a.query[i].value);
		}
		check(us_target_parse(&arena, us_str_slice(&raw), &b, &err) == US_OK);
		check(a.segments_n == b.segments_n && a.query_n == b.query_n);
		for (size_t i = 0; i < a.segments_n; i++)
			check(us_slice_is_equal(a.segments[i], b.segments[i]));
		for (size_t i = 0; i < a.query_n; i++)
			check(us_slice_is_equal(a.query[i].name, b.query[i].name) && us_slice_is_equal(a.query[i].value, b.query[i].value));
	}
	us_str_fini(&raw);
	us_arena_fini(&arena);
	return 0;
}
