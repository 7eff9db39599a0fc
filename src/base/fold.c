#include "base/fold.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "base/arena.h"

/* Lower-cases into out if all is ASCII; out has room for n + 1. */
static bool fold_ascii(struct us_slice name, char *out)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char) name.p[i];
		if (c >= 0x80 || c == 0)
			return false;
		out[i] = (char) (c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	out[name.n] = '\0';
	return true;
}

/* Caller frees; NULL if it is no UTF-8. */
static char *fold_unicode(struct us_slice name)
{
	utf8proc_uint8_t *out = NULL;
	utf8proc_ssize_t n;

	if (!us_slice_is_utf8(name))
		return NULL;
	/* Folding can undo the normal form and the other way round: NFKC_Casefold is the closed operation. */
	n = utf8proc_map((const utf8proc_uint8_t *) name.p, (utf8proc_ssize_t) name.n, &out,
		UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
	return n < 0 ? NULL : (char *) out;
}

struct us_slice us_fold(struct us_arena *arena, struct us_slice name)
{
	char *out = us_arena_alloc(arena, name.n + 2);

	if (fold_ascii(name, out))
		return (struct us_slice) { out, name.n };
	char *folded = fold_unicode(name);
	if (folded) {
		struct us_slice s = { us_arena_strdup(arena, folded), strlen(folded) };
		free(folded);
		return s;
	}
	out[0] = '\xFF';
	memcpy(out + 1, name.p, name.n);
	out[name.n + 1] = '\0';
	return (struct us_slice) { out, name.n + 1 };
}

struct us_hash us_fold_hash(struct us_slice name)
{
	char small[256];

	if (name.n < sizeof small && fold_ascii(name, small))
		return us_hash(small, name.n);
	struct us_arena arena = US_ARENA_INIT;
	struct us_hash h = us_hash_slice(us_fold(&arena, name));
	us_arena_fini(&arena);
	return h;
}
