/* Apply: writes the rows of a plan into its directory, and nothing else in the program does (invariant A).
 *
 * In an order in which no two objects want one name or one membership twice: memberships go, objects go, names are parked, objects come
 * and change, memberships come. Each row is written only over the revision that it was planned from.
 */
#ifndef US_SYNC_APPLY_H
#define US_SYNC_APPLY_H

#include <stdatomic.h>

#include "model/report.h"
#include "store/store.h"

struct us_apply {
	int64_t directory;
	int64_t plan_run;      /* whose rows */
	int64_t revision;      /* the run that writes: becomes the revision of each object written */
	int64_t base_revision; /* of the directory, that the plan was made from */
	int64_t retires;       /* number of the connector of type `inactive` whose plan it is; 0: none. Who it deletes does not come back by itself */
	bool is_login;         /* a single update: that it wakes a user up counts as a login */
	bool is_local;         /* the directory has no connector: memberships are nobody's but its own */
	const struct us_report *report; /* of the plan: which passes are needed */
	int64_t now_s;
	_Atomic int64_t *applied; /* progress in rows; may be NULL */
};

/* Inside a transaction of the caller, which rolls back on any error: US_CONFLICT if the directory or an object is no longer what the plan was
 * made from. */
enum us_errc us_apply_plan(struct us_dbc *c, const struct us_apply *apply, struct us_err *err);

#endif
