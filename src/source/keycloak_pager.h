/* Pager: one listing by offset (first, max) whose rows may move while it is read. No I/O: gives the query, takes the rows.
 *
 * The server has no cursor, no total in the list and no snapshot. Rows that are added or removed before our offset shift the rest, so a
 * plain first += max skips or repeats rows, and a skipped user would look like a deleted one (invariant L). Therefore:
 *
 *   - Every page but the first starts with a row that we have already: the overlap. It shows that nothing lies between the pages. If it is
 *     missing, rows before it went away: we step back, further each time, until a page starts with a row known under the same name (the lists are
 *     ordered by name, so what stands before it was read).
 *   - The end is a page that holds nothing but the overlap: the server knows our position and has nothing after it. A short page is no end,
 *     nor is an empty one behind rows that were there.
 *   - A pass in which a page did not fit, or whose count before and after differ, is disturbed: a row renamed to a name further up may
 *     have been missed. The list is then read again, from the start, and only rows not seen before are given out. It ends with an
 *     undisturbed pass, or with one that saw all that is counted and found nobody new. After MAX_PASSES it is PARTIAL.
 *
 * What this cannot see: a row renamed upwards over our position between two page requests, in every pass, hidden each time by another row
 * above that went away and one below that came, within the same two requests.
 */
#ifndef US_SOURCE_KEYCLOAK_PAGER_H
#define US_SOURCE_KEYCLOAK_PAGER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/map.h"

struct us_keycloak_mark {
	uint32_t name; /* hash of the name that the row had */
	uint8_t pass;  /* in which it was seen last */
};

/* What one pass over a list has shown. */
struct us_keycloak_tally {
	unsigned pass;       /* from 1 */
	int64_t rows, fresh; /* distinct rows of this pass; those of them never seen before */
	int64_t seen;        /* distinct rows of all passes */
	bool disturbed;
};

struct us_keycloak_pager {
	const char *what;     /* "users", for messages */
	const char *name_key; /* "username" or "name" */
	int64_t page_size;
	struct us_map seen;   /* by id, over all passes */
	struct us_keycloak_mark *marks;
	uint32_t n_marks_cap;
	uint32_t last;        /* number of the last row of the page before; US_MAP_NONE: none */
	int64_t offset;       /* rows of this pass before the next unread one */
	int64_t furthest;     /* of offset */
	int64_t back;         /* rows of overlap in the request under way */
	int64_t n_back, n_idle;  /* steps back in this pass; pages without a new row since the last one */
	struct us_keycloak_tally tally;
};

enum us_keycloak_step {
	US_KEYCLOAK_MORE,  /* rows taken; ask on */
	US_KEYCLOAK_AGAIN, /* the page does not fit; ask again */
	US_KEYCLOAK_END,   /* of this pass: see judge */
};

void us_keycloak_pager_init(struct us_keycloak_pager *pager, const char *what, const char *name_key, int64_t page_size);
void us_keycloak_pager_fini(struct us_keycloak_pager *pager);

/* The query of the next page: "first" and "max". */
int64_t us_keycloak_pager_first(const struct us_keycloak_pager *pager);
int64_t us_keycloak_pager_max(const struct us_keycloak_pager *pager);

/* Takes the answer to that query, an array of objects. ret_fresh: the rows that were never given before, in arena.
 * Errors: US_PARTIAL when the list does not come to rest, US_PROTOCOL when it is no list of objects. */
enum us_errc us_keycloak_pager_take(struct us_keycloak_pager *pager, const struct us_json *rows, struct us_arena *arena,
	const struct us_json ***ret_fresh, size_t *ret_n, enum us_keycloak_step *ret_step, struct us_err *err);

/* After END: begins the next pass. */
void us_keycloak_pager_begin_pass(struct us_keycloak_pager *pager);

/* At a pass's end. before, after: the server's own count around it, -1 if it has none. complete: nothing more is needed, and signal says by
 * what sign; else the list is to be read once more. Errors: US_PARTIAL. */
enum us_errc us_keycloak_judge(const struct us_keycloak_tally *tally, const char *what, int64_t before, int64_t after,
	bool *ret_complete, const char **ret_signal, struct us_err *err);

#endif
