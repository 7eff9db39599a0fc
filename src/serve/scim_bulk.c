/* Bulk: many writes in one request. Each is done for itself, as a request of its own would be; the answer has them in the order of the request */
#include <stdio.h>

#include "base/log.h"
#include "model/scim_bulk.h"
#include "serve/scim_write.h"

enum state { WAITS, DONE, FAILED };

struct outcome {
	enum state state;
	struct us_slice id; /* of the resource, if it is known */
	const char *version;
	int status;
	struct us_err err;
};

struct work {
	struct us_scim_call *call;
	struct us_scim_bulk bulk;
	struct outcome *outcomes;
	int64_t n_errors;
};

static const struct {
	enum us_httpd_method method;
	int status;
} methods[] = {
	[US_SCIM_BULK_POST] = { US_HTTPD_POST, 201 },
	[US_SCIM_BULK_PUT] = { US_HTTPD_PUT, 200 },
	[US_SCIM_BULK_PATCH] = { US_HTTPD_PATCH, 200 },
	[US_SCIM_BULK_DELETE] = { US_HTTPD_DELETE, 204 },
};

static void fail(struct work *w, size_t at, enum us_errc rc)
{
	struct outcome *o = &w->outcomes[at];

	o->state = FAILED;
	o->status = us_scim_status(rc, &o->err);
	w->n_errors++;
	if (o->status >= 500)
		us_log(US_LOG_WARN, "scim call failed", "application", w->call->client.name.p, "error", o->err.text, NULL);
}

/* Whether all that the operation names is there by now, or cannot come any more: then it is filled in. */
static bool is_ready(struct work *w, size_t at, bool *ret_is_lost)
{
	struct us_scim_bulk_operation *op = &w->bulk.operations[at];

	*ret_is_lost = false;
	for (size_t i = 0; i < op->n_references; i++) {
		const struct outcome *to = &w->outcomes[op->references[i].to];
		if (to->state == WAITS)
			return false;
		*ret_is_lost |= to->state == FAILED;
	}
	for (size_t i = 0; i < op->n_references && !*ret_is_lost; i++)
		*op->references[i].text = w->outcomes[op->references[i].to].id;
	return true;
}

/* The new version; a group's only where it does not cost as much as it has members. */
static void add_version(struct work *w, const struct us_scim_bulk_operation *op, struct outcome *o)
{
	struct us_scim_stored stored;
	struct us_err ignored = US_ERR_INIT;

	if (op->method == US_SCIM_BULK_DELETE || (us_scim_is_group(op->kind) && !w->call->target->has_cheap_versions))
		return;
	if (w->call->target->load(w->call, op->kind, o->id, US_SCIM_WANT_VERSION, &stored, &ignored) == US_OK)
		o->version = stored.version;
}

static void run(struct work *w, size_t at, bool is_lost)
{
	struct us_scim_bulk_operation *op = &w->bulk.operations[at];
	struct outcome *o = &w->outcomes[at];
	enum us_errc rc;

	o->err = (struct us_err) US_ERR_INIT;
	o->id = is_lost ? US_SLICE_NONE : op->id;
	if (op->wrong || is_lost) {
		rc = us_err_set_native(&o->err, US_INVALID, op->wrong ? US_SCIM_INVALID_SYNTAX : US_SCIM_INVALID_VALUE, "%s",
			op->wrong ? op->wrong : "an operation whose bulkId it names has failed");
		fail(w, at, rc);
		return;
	}
	struct us_scim_order order = { .method = methods[op->method].method, .kind = op->kind, .id = op->id, .body = op->data, .if_match = op->version };
	rc = us_scim_carry_out(w->call, &order, &o->id, &o->err);
	if (rc) {
		o->id = op->id;
		fail(w, at, rc);
		return;
	}
	o->state = DONE;
	o->status = methods[op->method].status;
	add_version(w, op, o);
}

/* In the order of the request, but that what names another one waits for it. Each round does one at least, or the rest name each other in a circle. */
static void run_all(struct work *w)
{
	size_t n_left = w->bulk.n, n_before = 0;
	bool is_lost;

	while (n_left != n_before && n_left) {
		n_before = n_left;
		for (size_t i = 0; i < w->bulk.n && w->n_errors < w->bulk.most_errors; i++)
			if (w->outcomes[i].state == WAITS && (w->bulk.operations[i].wrong || is_ready(w, i, &is_lost))) {
				run(w, i, !w->bulk.operations[i].wrong && is_lost);
				n_left--;
			}
	}
	for (size_t i = 0; i < w->bulk.n && w->n_errors < w->bulk.most_errors; i++)
		if (w->outcomes[i].state == WAITS)
			fail(w, i, us_err_set(&w->outcomes[i].err, US_CONFLICT, "the operations name each other's bulkIds in a circle: make one without the other first"));
}

static void put_outcome(struct us_jsonw *w, const struct us_scim_call *call, const struct us_scim_bulk_operation *op, const struct outcome *o)
{
	char status[12];

	snprintf(status, sizeof status, "%d", o->status);
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "method", us_scim_bulk_method_name(op->method));
	if (op->bulk_id.p)
		us_jsonw_put_string(w, "bulkId", op->bulk_id);
	if (op->kind && o->id.p)
		us_jsonw_put_string(w, "location", us_scim_location(call, op->kind, o->id));
	if (o->version)
		us_jsonw_put_text(w, "version", o->version);
	us_jsonw_put_text(w, "status", status);
	if (o->state == FAILED) {
		us_jsonw_key(w, "response");
		us_scim_put_error(w, o->status, &o->err);
	}
	us_jsonw_close(w, '}');
}

enum us_errc us_scim_post_bulk(struct us_scim_call *call, struct us_err *err)
{
	struct us_jsonw out = US_JSONW_INIT(&call->answer->body);
	struct work w = { .call = call };
	const struct us_json *body;
	enum us_errc rc = us_scim_read_body(call, &body, err);

	if (rc || (rc = us_scim_bulk_read(call->arena, body, &w.bulk, err)))
		return rc;
	w.outcomes = us_arena_array(call->arena, w.bulk.n + 1, sizeof *w.outcomes);
	run_all(&w);
	us_jsonw_open(&out, '{');
	us_jsonw_key(&out, "schemas");
	us_jsonw_open(&out, '[');
	us_jsonw_text(&out, "urn:ietf:params:scim:api:messages:2.0:BulkResponse");
	us_jsonw_close(&out, ']');
	us_jsonw_key(&out, "Operations");
	us_jsonw_open(&out, '[');
	for (size_t i = 0; i < w.bulk.n; i++)
		if (w.outcomes[i].state != WAITS)
			put_outcome(&out, call, &w.bulk.operations[i], &w.outcomes[i]);
	us_jsonw_close(&out, ']');
	us_jsonw_close(&out, '}');
	return US_OK;
}
