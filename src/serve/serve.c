#include "serve/serve.h"

#include <stdlib.h>
#include <string.h>

#include "serve/crowd.h"
#include "serve/parts.h"
#include "serve/scim.h"

enum { THREADS = 4, WAITING = 256 };

enum us_errc us_serve_open(const struct us_serve_conf *conf, struct us_serve **ret_serve, struct us_err *err)
{
	struct us_serve *serve = us_calloc(1, sizeof *serve);
	enum us_errc rc = us_gate_open(conf->store, &serve->gate, err);

	if (rc) {
		free(serve);
		return rc;
	}
	serve->conf = *conf;
	serve->writers = us_worker_new(THREADS, WAITING);
	serve->checkers = us_worker_new(THREADS, WAITING);
	for (int i = 0; i < US_SERVE_ASKERS; i++)
		serve->askers[i] = us_worker_new(THREADS, WAITING);
	serve->throttle = us_throttle_new();
	serve->sessions = us_sessions_new();
	serve->logins = us_logins_new(conf->store);
	serve->kept = us_kept_new();
	serve->group_names = us_group_names_new(serve->kept);
	*ret_serve = serve;
	return US_OK;
}

void us_serve_close(struct us_serve *serve)
{
	/* A checker may still hand over to an asker. */
	us_worker_free(serve->checkers);
	for (int i = 0; i < US_SERVE_ASKERS; i++)
		us_worker_free(serve->askers[i]);
	us_worker_free(serve->writers);
	us_gate_close(serve->gate);
	us_throttle_free(serve->throttle);
	us_sessions_free(serve->sessions);
	us_logins_free(serve->logins);
	us_group_names_free(serve->group_names);
	us_kept_free(serve->kept);
	free(serve);
}

bool us_serve_has(const struct us_httpd_request *request)
{
	return request->target.segments_n &&
		(us_slice_is(request->target.segments[0], "crowd") || us_slice_is(request->target.segments[0], "scim"));
}

enum us_httpd_next us_serve_handle(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	return us_slice_is(request->target.segments[0], "scim") ? us_scim_handle(serve, request, answer) : us_crowd_handle(serve, request, answer);
}

/* Whether a target that was perhaps never taken apart begins with that segment: "/crowd/…", "http://host/crowd?…". */
static bool is_below(struct us_slice raw, const char *segment)
{
	const char *path = raw.p, *end = raw.p + raw.n;
	size_t n = strlen(segment);

	if (!raw.n)
		return false;
	if (*path != '/') {
		const char *authority = memmem(raw.p, raw.n, "://", 3);
		path = authority ? memchr(authority + 3, '/', (size_t) (end - authority - 3)) : NULL;
	}
	if (!path || (size_t) (end - path) < n + 1 || memcmp(path + 1, segment, n) != 0)
		return false;
	path += n + 1;
	return path == end || *path == '/' || *path == '?' || !*path;
}

bool us_serve_refuse(struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer)
{
	if (is_below(request->target.raw, "crowd"))
		us_crowd_refuse_request(request, status, why, answer);
	else if (is_below(request->target.raw, "scim"))
		us_scim_refuse_request(request, status, why, answer);
	else
		return false;
	return true;
}

const char *const *us_serve_labels(void)
{
	static const char *const labels[] = { US_CROWD_LABEL, US_SCIM_LABEL, NULL };
	return labels;
}
