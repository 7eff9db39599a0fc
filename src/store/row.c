#include "store/row.h"

enum { SEARCH_MAX = 1000 };

enum us_errc us_row_next_id(struct us_dbc *c, const char *sequence, int64_t *ret_id, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed;
	enum us_errc rc = us_db_prepare(c, "UPDATE sequence SET last = last + 1 WHERE name = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(sequence));
	if ((rc = us_stmt_run(s, &changed, err)) || (rc = us_db_prepare(c, "SELECT last FROM sequence WHERE name = ?1", &s, err)))
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(sequence));
	rc = us_stmt_step(s, err);
	if (rc)
		return rc == US_END ? us_err_set(err, US_INTERNAL, "the store has no sequence \"%s\"", sequence) : rc;
	*ret_id = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return US_OK;
}

void *us_row_grow(struct us_arena *arena, void *list, size_t n, size_t *cap, size_t bytes)
{
	if (n < *cap)
		return list;
	*cap = *cap ? 2 * *cap : 16;
	void *more = us_arena_array(arena, *cap, bytes);
	if (n)
		memcpy(more, list, n * bytes);
	return more;
}

enum us_errc us_row_pattern(struct us_arena *arena, struct us_slice text, struct us_slice *ret_pattern, struct us_err *err)
{
	if (text.n > SEARCH_MAX)
		return us_err_set(err, US_INVALID, "the search text is longer than %d bytes", SEARCH_MAX);
	char *p = us_arena_alloc(arena, 2 * text.n + 3);
	size_t n = 0;
	p[n++] = '%';
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '%' || c == '_' || c == '\\')
			p[n++] = '\\';
		p[n++] = c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
	}
	p[n++] = '%';
	*ret_pattern = (struct us_slice) { p, n };
	return US_OK;
}
