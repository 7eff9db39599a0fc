/* The admin REST API: what it serves, handed to an HTTP listener.
 *
 * The three functions with `data` fit into struct us_httpd_config with data = the api. Thread-safe.
 * Spec: the product's documented paths and messages are kept to the letter; the rest follows their style.
 */
#ifndef US_API_API_H
#define US_API_API_H

#include "job/job.h"
#include "job/pruner.h"
#include "job/pushes.h"
#include "job/timer.h"
#include "job/notifier.h"
#include "store/connector.h"
#include "model/option.h"
#include "net/httpd.h"
#include "store/store.h"

#define US_API_BASE "/rest/samlsso-admin/1.0"

struct us_api;

/* One that the process runs with. */
struct us_library {
	const char *name, *version;
};

struct us_api_conf {
	struct us_store *store;
	struct us_job *job;
	struct us_timer *timer;
	struct us_pushes *pushes;
	struct us_pruner *pruner;
	struct us_notifier *notifier;
	const struct us_type *types;          /* connector types; ends with name NULL */
	const struct us_option *sync_options; /* what every type has beside its own */
	const struct us_library *libraries;   /* for the support bundle; ends with name NULL; NULL: not told */
	const char *const *labels;            /* of requests that others answer, for the metrics; ends with NULL; NULL: none */
	const char *node;                     /* clusterNode; NULL: "NOT_CLUSTERED" */
	int64_t single_wait_ms;               /* how long syncsingle waits; 0: 30 s */
};

enum us_errc us_api_open(const struct us_api_conf *conf, struct us_api **ret_api, struct us_err *err);
/* Before the listener is closed: who waits for changes of a directory is answered now, and whoever still comes at once. */
void us_api_stop(struct us_api *api);
/* After the listener is closed. Promises that are still open are answered into the void. */
void us_api_close(struct us_api *api);

enum us_httpd_next us_api_handle(void *data, struct us_httpd_request *request, struct us_httpd_answer *answer);
void us_api_refuse(void *data, int status, const char *why, struct us_httpd_answer *answer);
void us_api_done(void *data, const struct us_httpd_request *request, int status, int64_t duration_us);

#endif
