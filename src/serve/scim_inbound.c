#include "serve/scim_inbound.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/basic.h"
#include "store/connector.h"

enum { UUID_LENGTH = US_UUID_BYTES - 1 };

/* A connector that has no token lets nobody in. */
static bool is_right(const struct us_connector *connector, struct us_slice token)
{
	struct us_slice right = us_json_string(connector->configuration, "token");

	return right.n && us_secret_is_equal(right, token);
}

enum us_errc us_scim_inbound_check(struct us_scim_call *call, bool *ret_is_guess, struct us_err *err)
{
	const struct us_httpd_request *r = call->request;
	struct us_slice token = us_basic_bearer(us_httpd_find_header(r, "Authorization"));
	struct us_arena arena = US_ARENA_INIT; /* holds the secret */
	struct us_connector connector;

	*ret_is_guess = false;
	if (!token.n || r->target.segments_n < 3 || r->target.segments[2].n != UUID_LENGTH)
		return US_END;
	enum us_errc rc = us_view_open(call->serve->conf.store, call->serve->kept, NULL, 0, &call->view, err);
	if (rc)
		return rc;
	rc = us_connector_find(call->serve->conf.store, call->view.c, &arena, r->target.segments[2], US_SECRETS_CLEAR, &connector, err);
	if (!rc && us_slice_is(connector.type, "scim")) {
		*ret_is_guess = !is_right(&connector, token);
		if (*ret_is_guess)
			rc = US_END;
		else if (!connector.enabled)
			rc = us_err_set(err, US_FORBIDDEN, "the connector \"" US_SLICE_FMT "\" is disabled: nothing can be pushed into it", US_SLICE_ARG(connector.name));
		call->pushed = connector.id;
		call->target = &us_scim_pushes;
	} else if (!rc || rc == US_NOT_FOUND) {
		rc = US_END;
	}
	us_arena_fini(&arena);
	if (rc)
		us_view_close(&call->view);
	if (rc == US_END) {
		call->pushed = 0;
		call->target = NULL;
	}
	return rc;
}

enum us_errc us_scim_inbound_slow_down(struct us_scim_call *call, struct us_err *err)
{
	struct us_hash key = us_secret_fingerprint(us_slice(call->request->peer), call->request->target.segments[2]);

	return us_throttle_begin(call->serve->throttle, key, US_THROTTLE_NAME, err);
}

void us_scim_inbound_note_refused(struct us_scim_call *call)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(call->serve->conf.store->db, &c, &err);

	if (rc)
		return;
	rc = us_db_begin(c, &err);
	if (!rc)
		rc = us_pushed_note_refused(c, call->pushed, &err);
	if (!rc)
		rc = us_db_commit(c, &err);
	us_db_release(c);
	if (rc)
		us_log(US_LOG_WARN, "a refused push could not be counted", "connector", US_LOG_INT(call->pushed), "error", err.text, NULL);
}
