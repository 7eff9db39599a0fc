/* Small helpers over db.h that every file of store/ needs; only store/ includes this. */
#ifndef US_STORE_ROW_H
#define US_STORE_ROW_H

#include "base/arena.h"
#include "db/db.h"

/* The next number of a sequence; none is ever given twice, not after a deletion either. */
enum us_errc us_row_next_id(struct us_dbc *c, const char *sequence, int64_t *ret_id, struct us_err *err);

static inline struct us_slice us_row_text(struct us_stmt *s, int column, struct us_arena *arena)
{
	return us_slice_dup(arena, us_stmt_slice(s, column));
}

/* The outcomes of us_outcome_is_written, for IN. */
#define US_ROW_WRITTEN "('ADDED', 'UPDATED', 'RENAMED', 'DISABLED', 'DELETED', 'ANONYMIZED')"

/* A list in the arena that grows by doubling; old copies die with the arena. */
void *us_row_grow(struct us_arena *arena, void *list, size_t n, size_t *cap, size_t bytes);

/* "%text%" for LIKE … ESCAPE '\', lower-cased in ASCII. US_INVALID: longer than a name can be. */
enum us_errc us_row_pattern(struct us_arena *arena, struct us_slice text, struct us_slice *ret_pattern, struct us_err *err);

#endif
