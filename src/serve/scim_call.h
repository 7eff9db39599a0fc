/* One request of SCIM on its way through a handler. Only the scim files of serve/ include this. */
#ifndef US_SERVE_SCIM_CALL_H
#define US_SERVE_SCIM_CALL_H

#include "model/scim_schema.h"
#include "serve/parts.h"
#include "serve/scim_target.h"
#include "serve/view.h"

enum { US_SCIM_PAGE_ROWS = 100, US_SCIM_PAGE_MOST = 10000 }; /* resources in one answer: by default, at most */

struct us_scim_call {
	struct us_serve *serve;
	struct us_httpd_request *request;
	struct us_httpd_answer *answer;
	struct us_arena *arena;
	struct us_client client;
	int64_t directory;
	int64_t pushed;                     /* the connector into which an identity provider pushes, which sees that alone; 0: an application asks */
	const struct us_scim_target *target; /* of a request that writes */
	struct us_view view;                /* of that directory alone; open while a handler reads */
	struct us_slice base;               /* where the client reached it, without a slash at the end */
	const struct us_scim_kind *kind;    /* of the row of the route table; NULL: none or all */
	struct us_slice parameter;          /* of the path: an id */
};

/* Opens the view anew: what is read now is as it is now. */
enum us_errc us_scim_open_view(struct us_scim_call *call, struct us_err *err);
/* Sets call->target. US_FORBIDDEN: the application must not write there; err says why. */
enum us_errc us_scim_find_target(struct us_scim_call *call, struct us_err *err);
/* Answers with a resource. With is_conditional If-None-Match counts. */
enum us_errc us_scim_send(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, bool is_conditional, struct us_err *err);
/* An error as SCIM has it, and its status. */
int us_scim_status(enum us_errc code, const struct us_err *err);
void us_scim_put_error(struct us_jsonw *w, int status, const struct us_err *err);
/* The address of a resource. */
struct us_slice us_scim_location(const struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id);

static inline bool us_scim_is_group(const struct us_scim_kind *kind) { return kind == &us_scim_group; }

/* Handlers, each described by its row of the route table. Errors: the fault in err->native, if it has one. */
#define US_SCIM_HANDLERS(X) \
	X(us_scim_get_config) X(us_scim_get_types) X(us_scim_get_type) X(us_scim_get_schemas) X(us_scim_get_schema) \
	X(us_scim_get_list) X(us_scim_get_resource) X(us_scim_post_resource) X(us_scim_put_resource) \
	X(us_scim_patch_resource) X(us_scim_delete_resource) X(us_scim_post_bulk)
#define X(name) enum us_errc name(struct us_scim_call *call, struct us_err *err);
US_SCIM_HANDLERS(X)
#undef X

#endif
