/* One row of a run's plan as the API shows it. */
#ifndef US_API_RESULTS_H
#define US_API_RESULTS_H

#include "base/json.h"
#include "model/change.h"
#include "store/object.h"

/* c and directory: where the names of members are looked up. */
void us_results_write_row(struct us_jsonw *w, struct us_dbc *c, struct us_arena *arena, int64_t directory, const struct us_change *change);

#endif
