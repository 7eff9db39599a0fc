/* One row of results in a line. */
#ifndef US_CMD_RESULTS_H
#define US_CMD_RESULTS_H

#include "base/json.h"
#include "base/str.h"

/* "email: a@x → b@x", "+ anna, - mei", or the reason. */
void us_results_describe(const struct us_json *row, struct us_str *out);

#endif
