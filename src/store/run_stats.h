/* Figures over all runs of each connector, for monitoring. */
#ifndef US_STORE_RUN_STATS_H
#define US_STORE_RUN_STATS_H

#include "store/run.h"

struct us_run_stats {
	int64_t connector;
	struct us_slice connector_uuid;
	int64_t runs[US_RUN_KIND_COUNT][US_RUN_STATUS_COUNT]; /* since the first one, kept or not */
	/* The last full run that is DONE; success_at 0: none. */
	int64_t success_at, success_s; /* wall seconds of its end, seconds that it took */
	struct us_report success;
};

/* One for each connector that is there, in order of their numbers. */
enum us_errc us_run_stats_load(struct us_dbc *c, struct us_arena *arena, struct us_run_stats **ret_list, size_t *ret_n, struct us_err *err);

#endif
