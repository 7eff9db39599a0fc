/* The canonical form of a DN is well-formed, and its own canonical form; the fast path agrees with the slow one. */
#include <stdint.h>

#include "net/dn.h"

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice dn = { (const char *) data, size }, first, second;

	if (us_dn_canonicalize(&arena, dn, &first)) {
		us_assert(us_slice_is_utf8(first));
		if (first.n <= US_DN_MAX_BYTES) {
			us_assert(us_dn_canonicalize(&arena, first, &second));
			us_assert(us_slice_is_equal(first, second));
		}
		us_assert(us_dn_is_within(first, first));
		/* A space at the end keeps the name and leaves the fast path. */
		struct us_str spaced = US_STR_INIT;
		us_str_add_slice(&spaced, dn);
		us_str_add_char(&spaced, ' ');
		if (spaced.n <= US_DN_MAX_BYTES) {
			us_assert(us_dn_canonicalize(&arena, us_str_slice(&spaced), &second));
			us_assert(us_slice_is_equal(first, second));
		}
		us_str_fini(&spaced);
	}
	us_arena_fini(&arena);
	return 0;
}
