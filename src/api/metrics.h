/* Metrics: figures of the HTTP side, kept here; those of runs and sources are asked for when somebody scrapes.
 * Spec: the text format of Prometheus, version 0.0.4.
 */
#ifndef US_API_METRICS_H
#define US_API_METRICS_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct us_call;
struct us_metrics;

/* others: labels of requests that are not in the route table; ends with NULL; NULL: none. */
struct us_metrics *us_metrics_new(const char *const *others);
void us_metrics_free(struct us_metrics *metrics);
/* label: operation of the route or one of the others, by its address; NULL for requests that reached none; status 0: the client went away. */
void us_metrics_note(struct us_metrics *metrics, const char *label, int status, int64_t duration_us);

/* Everything, as it is given to a scraper. Needs a lease. */
enum us_errc us_metrics_write(struct us_call *call, struct us_str *out, struct us_err *err);

#endif
