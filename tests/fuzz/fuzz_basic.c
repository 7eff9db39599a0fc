/* Whatever stands in an Authorization header gives a name without a colon and a password of text, or nothing. */
#include <stdint.h>

#include "base/err.h"
#include "net/basic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice name, password;

	if (us_basic_parse(&arena, (struct us_slice) { (const char *) data, size }, &name, &password)) {
		us_assert(!memchr(name.p, ':', name.n));
		us_assert(us_slice_is_utf8(name) && us_slice_is_utf8(password));
		us_assert(name.n + password.n + 1 <= size);
		us_assert(password.p[password.n] == '\0');
	}
	us_arena_fini(&arena);
	return 0;
}
