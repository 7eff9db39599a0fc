/* Serve: what applications are given, handed to the HTTP listener beside the admin API.
 *
 * The Crowd protocol is below /crowd, SCIM below /scim. Every application has its own credentials (store/application.h) and sees its own directories.
 * Thread-safe.
 */
#ifndef US_SERVE_SERVE_H
#define US_SERVE_SERVE_H

#include "model/authentication.h"
#include "model/edit.h"
#include "net/httpd.h"
#include "store/store.h"

struct us_serve_conf {
	struct us_store *store;
	void *data; /* handed to the calls below; both may wait for others, from any thread */
	/* Changes a directory without a connector: a plan like any other. As us_edit_apply. */
	enum us_errc (*edit)(void *data, const struct us_edit_request *request, struct us_edit_result *ret_result, struct us_err *err);
	/* Whether a password is a user's. As us_authenticate_user. */
	enum us_errc (*authenticate)(void *data, int64_t directory, struct us_slice user, struct us_slice password,
		enum us_authentication *ret_authentication, struct us_err *err);
	/* An identity provider has pushed into a connector of type `scim`, and what it pushed is durable. Does not wait. */
	void (*note_push)(void *data, int64_t connector);
};

struct us_serve;
enum us_errc us_serve_open(const struct us_serve_conf *conf, struct us_serve **ret_serve, struct us_err *err);
/* After the listener is closed. */
void us_serve_close(struct us_serve *serve);

/* Whether the request is for this side, by the first segment of its path. */
bool us_serve_has(const struct us_httpd_request *request);
enum us_httpd_next us_serve_handle(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer);

/* An answer that the listener gives by itself, as the protocol under the address writes errors. False: the address is not of this side. */
bool us_serve_refuse(struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer);

/* The labels that us_serve_handle gives to requests; ends with NULL. */
const char *const *us_serve_labels(void);

#endif
