/* Any text is refused as a script with its reason, or runs to an end within its bounds, twice with the same result. */
#include <stdint.h>

#include "base/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct us_slice values[] = { { "Anna Berg", 9 }, { "x@example.com", 13 } };
	static const struct us_field fields[] = { { { "name", 4 }, values, 1 }, { { "mail", 4 }, values, 2 } };
	struct us_script_input in = { .user = fields, .n_user = 2, .connector = US_SLICE("hr"), .values = values, .n_values = 2 };
	struct us_script *s = us_script_new();
	struct us_arena arena = US_ARENA_INIT;
	struct us_script_result a, b;
	struct us_err err = US_ERR_INIT, again = US_ERR_INIT;
	int chunk;

	if (us_script_compile(s, (struct us_slice) { (const char *) data, size }, &chunk, &err) == US_OK) {
		enum us_errc rc = us_script_run(s, chunk, &in, &arena, &a, &err);
		us_assert(us_script_run(s, chunk, &in, &arena, &b, &again) == rc);
		if (rc == US_OK) {
			us_assert(a.n == b.n && a.is_drop == b.is_drop && a.n <= US_SCRIPT_MAX_VALUES);
			for (size_t i = 0; i < a.n; i++)
				us_assert(us_slice_is_equal(a.values[i], b.values[i]));
		} else {
			us_assert(rc == US_INVALID && err.text[0] && strcmp(err.text, again.text) == 0);
		}
	} else {
		us_assert(err.code == US_CONFIG && err.text[0]);
	}
	us_script_free(s);
	us_arena_fini(&arena);
	return 0;
}
