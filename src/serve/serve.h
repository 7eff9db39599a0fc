/* Serve: what applications are given, handed to the HTTP listener beside the admin API.
 *
 * The Crowd protocol is below /crowd. Every application has its own credentials (store/application.h) and sees its own directories.
 * Thread-safe.
 */
#ifndef US_SERVE_SERVE_H
#define US_SERVE_SERVE_H

#include "net/httpd.h"
#include "store/store.h"

struct us_serve_conf {
	struct us_store *store;
};

struct us_serve;
enum us_errc us_serve_open(const struct us_serve_conf *conf, struct us_serve **ret_serve, struct us_err *err);
/* After the listener is closed. */
void us_serve_close(struct us_serve *serve);

/* Whether the request is for this side, by the first segment of its path. */
bool us_serve_has(const struct us_httpd_request *request);
enum us_httpd_next us_serve_handle(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer);

/* The labels that us_serve_handle gives to requests; ends with NULL. */
const char *const *us_serve_labels(void);

#endif
