/* Split: takes out of a plan all that it takes away, so that this can wait for a decision while the rest is applied.
 *
 * To the part that waits go users that are disabled, deleted, anonymised, deactivated or noted as missing, groups that are deleted, and all
 * memberships that end; and whatever cannot be without it: who wants a name that is given up by that, and memberships of such newcomers.
 * Both parts after one another are the whole plan.
 */
#ifndef US_SYNC_SPLIT_H
#define US_SYNC_SPLIT_H

#include "model/report.h"
#include "store/store.h"

struct us_split {
	int64_t run, part;       /* whose rows; the run that holds what waits */
	struct us_report report; /* in: of the whole plan; out: of what is left to the run, what waits counted as HELD */
	uint32_t n_rows;         /* likewise */
	struct us_report part_report; /* out */
	uint32_t part_n_rows;
};

/* Inside a transaction of the caller. The rows of the run must be written. Memory: about 60 bytes for each user or group that is new, renamed or
 * waits. */
enum us_errc us_split_write(struct us_dbc *c, struct us_split *split, struct us_err *err);

#endif
