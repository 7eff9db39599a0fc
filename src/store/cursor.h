/* Cursors: where the change feed of a connector's source is read on from. A cursor belongs to what the directory holds, so it is stored with the plan
 * that made it so, in one transaction, and it is of no use for another directory or with another configuration.
 */
#ifndef US_STORE_CURSOR_H
#define US_STORE_CURSOR_H

#include "base/json.h"
#include "store/store.h"

struct us_cursor {
	int64_t directory;
	struct us_slice value;         /* the source's own text; NONE: there is none */
	struct us_slice configuration; /* hash of the configuration that it was read with */
	int64_t full_at;               /* start of the last full sync that was applied whole, wall seconds; 0: none */
	int64_t run;                   /* that stored it; where there is none, the newest one when it was forgotten */
};

/* What us_cursor.configuration is compared with. configuration: without its secrets, for a new password reads the same. When it
 * runs, what its limits are, how long runs are kept and who is told of them makes no difference. */
struct us_slice us_cursor_hash(struct us_arena *arena, const struct us_json *configuration);

/* Of a connector that has none: all zero. */
enum us_errc us_cursor_load(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_cursor *ret_cursor, struct us_err *err);
/* full_at 0 keeps the one that is stored. Nothing is stored by a run that was there when the cursor was forgotten: it may have read before. */
enum us_errc us_cursor_save(struct us_dbc *c, int64_t connector, const struct us_cursor *cursor, struct us_err *err);
/* The directory is no longer what its source was at the cursor, or its connector has to look again at somebody whom the feed will not name; full_at
 * stays. */
enum us_errc us_cursor_forget(struct us_dbc *c, int64_t directory, struct us_err *err);

/* What a run's plan will store once it is applied; value NONE: nothing. configuration: hash of the one that the plan was made with; NONE: not known. */
enum us_errc us_cursor_save_pending(struct us_dbc *c, int64_t run, struct us_slice value, struct us_slice configuration, struct us_err *err);
enum us_errc us_cursor_load_pending(struct us_dbc *c, struct us_arena *arena, int64_t run, struct us_slice *ret_value, struct us_slice *ret_configuration,
	struct us_err *err);

#endif
