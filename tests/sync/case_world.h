/* A directory of its own for a case: made from its `before`, run against its `listing`, and read back as sorted lines. Shared by the programs that
 * run cases; whatever does not fit is complained of, and whatever cannot be gone on with ends the program. */
#ifndef US_TESTS_SYNC_CASE_WORLD_H
#define US_TESTS_SYNC_CASE_WORLD_H

#include "base/map.h"
#include "model/change.h"
#include "store/run.h"
#include "store/store.h"
#include "sync/case_source.h"
#include "sync/run.h"

/* ---- complaints ---- */

extern struct us_str why; /* of the current test, lines of TAP comments; empty: passed so far */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(const char *what, const struct us_err *err);

/* ---- a directory ---- */

struct world {
	char dir[64];
	struct us_store *store;
	struct us_arena arena;
	const struct sync_case *c;
	int64_t connector, directory;
	int64_t keeper;              /* the connector that the directory belongs to; mostly the same */
	int64_t now_s;               /* the time of its runs; the wall clock's at first */
	struct us_map users, groups; /* ids of `before`, by number - 1 */
};

void open_world(struct world *w, const struct sync_case *c);
void close_world(struct world *w);
/* Its store closed, as after a crash, and opened again. */
void reopen_store(struct world *w);
/* Leases the writer in a transaction; commit ends both. */
struct us_dbc *writer(struct world *w);
void commit(struct us_dbc *c);

/* One run, begun and executed as a worker does. plan_run: of APPLY and UNDO. */
enum us_errc execute(struct world *w, enum us_run_kind kind, int64_t plan_run, int64_t *ret_run, enum us_run_status *ret_status);
/* A HELD run, approved. */
void execute_approved(struct world *w, int64_t run, enum us_run_status *ret_status);
/* An undo; if a limit holds it, approved. */
void execute_undo(struct world *w, int64_t run, int64_t *ret_undo, enum us_run_status *ret_status);

/* ---- what is there, as lines ---- */

struct lines {
	char **line;
	size_t n, cap;
};

void add_line(struct lines *l, char *text); /* text becomes its own */
void sort_lines(struct lines *l);
void free_lines(struct lines *l);
bool is_equal(const struct lines *a, const struct lines *b);
/* Complains of each line that is in one of them only; both are sorted. */
void expect_lines(const char *what, const struct lines *want, const struct lines *have);

/* Users, groups and memberships; complains if the directory's counters or hashes are not theirs. */
void dump(struct world *w, struct lines *out);
/* Users and groups as they are kept, byte for byte, but for the run that wrote them last. */
void dump_images(struct world *w, struct lines *out);
/* The lines of a case in the form of dump. */
void dump_expected(const struct case_lines *lines, struct lines *out);
void expect_directory(struct world *w, const struct case_lines *lines, const char *what);
/* The rows of a run's plan; the reason of a row goes behind " ~ ". */
void dump_plan(struct world *w, int64_t run, struct lines *out);
/* Invariant E: the counters of a run are the sums of its rows. */
void expect_sums(const struct us_run *run, struct us_change *list, size_t n);
/* Of a whole full sync: each object that is listed, or that the connector has made, is counted once. */
void expect_all_counted(const struct sync_case *c, const struct us_report *report);
/* Whether a row of a plan, in that form, takes something from somebody. */
bool takes_away(const char *row);

#endif
