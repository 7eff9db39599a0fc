/* Changes: what was applied to a directory, to those who follow it */
#include "api/follow.h"
#include "api/handlers.h"

enum { WAIT_MOST_S = 60 };

static enum us_errc read_wait(struct us_call *call, int64_t *ret_ms, struct us_err *err)
{
	struct us_slice text = us_target_parameter(&call->request->target, "wait");
	int64_t seconds = 0;

	if (text.p && (!us_slice_to_int(text, &seconds) || seconds < 0 || seconds > WAIT_MOST_S))
		return us_err_set(err, US_INVALID, "wait must be a number of seconds from 0 to %d", WAIT_MOST_S);
	*ret_ms = seconds * 1000;
	return US_OK;
}

static bool wants_events(const struct us_call *call)
{
	struct us_slice accept = us_httpd_find_header(call->request, "Accept");

	return accept.p && memmem(accept.p, accept.n, "text/event-stream", strlen("text/event-stream"));
}

/* A client of events that was cut off says where it was; that is later than where its address begins. The token's text, as us_feed_token gives it:
 * that of the newest place if none was given, that of the first for "start". */
static enum us_errc find_place(struct us_call *call, int64_t directory, bool is_stream, struct us_feed_token *ret_token, struct us_err *err)
{
	struct us_slice last = is_stream ? us_httpd_find_header(call->request, "Last-Event-ID") : US_SLICE_NONE;
	struct us_slice text = last.n ? last : us_target_parameter(&call->request->target, "since");
	struct us_feed feed;
	enum us_errc rc;

	if (!text.p)
		return us_feed_newest(call->c, directory, ret_token, err);
	rc = us_feed_open(call->c, directory, us_slice_is(text, "start") ? US_SLICE_NONE : text, &feed, err);
	if (rc)
		return rc;
	us_feed_token(&feed, ret_token);
	us_feed_close(&feed);
	return US_OK;
}

enum us_errc us_changes_list(struct us_call *call, struct us_err *err)
{
	bool is_stream = wants_events(call);
	int64_t directory, limit, wait_ms = 0;
	uint64_t seen = us_follow_count();
	struct us_feed_token token;
	struct us_feed_page page = { 0 };
	enum us_errc rc = us_call_read_number(call, 0, "directory", &directory, err);

	if (!rc)
		rc = us_call_read_limit(call, 100, 1000, &limit, err);
	if (!rc)
		rc = read_wait(call, &wait_ms, err);
	if (!rc)
		rc = us_call_lease_reader(call, err);
	if (!rc)
		rc = find_place(call, directory, is_stream, &token, err);
	if (rc)
		return rc;
	if (is_stream)
		return us_follow_stream(call, directory, us_slice(token.text), err);
	page.limit = limit;
	rc = us_feed_write_page(&call->w, call->c, directory, us_slice(token.text), &page, err);
	if (rc || page.n || !wait_ms || !us_target_parameter(&call->request->target, "since").p)
		return rc;
	/* What was written stays with the handler's answer, which the promised one replaces. */
	return us_follow_promise(call, directory, us_slice(token.text), limit, wait_ms, seen, err);
}
