/* Logins of a directory's users: reported one by one or many at once, and listed */
#include "api/handlers.h"
#include "base/clock.h"
#include "store/directory.h"
#include "store/login.h"
#include "store/object.h"
#include "store/retired.h"

enum { REPORTED_MOST = 5000, NAMES_SHOWN = 100, PROBLEMS_SHOWN = 100, AHEAD_S = 300 /* clocks differ */, NAME_CHARACTERS_MOST = 1000 };

struct reported {
	struct us_slice username;
	int64_t at;
};

/* "username", or "[3].username" of a list. */
static const char *field_of(struct us_call *call, size_t i, bool is_list, const char *name)
{
	return is_list ? us_arena_printf(call->arena, *name ? "[%zu].%s" : "[%zu]%s", i, name) : name;
}

/* Complains about what is wrong; true if nothing is. */
static bool read_one(struct us_call *call, const struct us_json *doc, size_t i, bool is_list, int64_t now, struct reported *ret)
{
	const struct us_problem *before = call->problems;
	const struct us_json *at = us_json_find(doc, "at"), *name;

	if (doc->type != US_JSON_OBJECT) {
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, ""), "must be an object, not %s", us_json_type_name(doc->type));
		return false;
	}
	for (size_t k = 0; k < doc->object.n; k++)
		if (!us_slice_is(doc->object.members[k].key, "username") && !us_slice_is(doc->object.members[k].key, "at"))
			us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, us_arena_strndup(call->arena, doc->object.members[k].key.p,
				doc->object.members[k].key.n > 100 ? 100 : doc->object.members[k].key.n)), "is unknown");
	name = us_json_find(doc, "username");
	ret->username = us_json_string(doc, "username");
	if (!name)
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, "username"), "is required");
	else if (name->type != US_JSON_STRING)
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, "username"), "must be a string, not %s", us_json_type_name(name->type));
	else if (!ret->username.n)
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, "username"), "must not be empty");
	else if (us_slice_characters(ret->username) > NAME_CHARACTERS_MOST)
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, "username"), "is longer than %d characters", NAME_CHARACTERS_MOST);
	ret->at = now;
	if (at && at->type != US_JSON_NULL && (at->type != US_JSON_STRING || !us_clock_parse(us_json_string(doc, "at"), &ret->at)))
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, "at"), "must be a time such as 2026-01-31T08:00:00Z");
	else if (ret->at > now + AHEAD_S)
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, "at"), "is in the future");
	else if (ret->at < 1)
		us_problem_add(call->arena, &call->problems, field_of(call, i, is_list, "at"), "is before 1970");
	return call->problems == before;
}

static enum us_errc read_reported(struct us_call *call, struct reported **ret_list, size_t *ret_n, struct us_err *err)
{
	const struct us_json *doc;
	int64_t now = us_clock_wall_s();
	size_t bad = 0;
	enum us_errc rc = us_call_read_json(call, &doc, err);

	if (rc)
		return rc;
	bool is_list = doc->type == US_JSON_ARRAY;
	if (!is_list && doc->type != US_JSON_OBJECT)
		return us_err_set(err, US_INVALID, "the body must be a JSON object or an array of them, not %s", us_json_type_name(doc->type));
	size_t n = is_list ? doc->array.n : 1;
	if (n > REPORTED_MOST)
		return us_err_set(err, US_TOO_LARGE, "%zu logins are too many at once; %d are taken", n, REPORTED_MOST);
	struct reported *list = us_arena_array(call->arena, n, sizeof *list);
	for (size_t i = 0; i < n && bad < PROBLEMS_SHOWN; i++)
		bad += !read_one(call, is_list ? &doc->array.items[i] : doc, i, is_list, now, &list[i]);
	*ret_list = list;
	*ret_n = n;
	return us_call_check_problems(call, err);
}

static void write_noted(struct us_jsonw *w, size_t received, size_t found, int64_t noted, int64_t returning, const struct us_slice *unknown,
	size_t n_unknown)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "received", (int64_t) received);
	us_jsonw_put_int(w, "noted", noted);
	us_jsonw_put_int(w, "notLater", (int64_t) found - noted);
	us_jsonw_put_int(w, "returning", returning);
	us_jsonw_put_int(w, "unknown", (int64_t) n_unknown);
	us_jsonw_key(w, "unknownUsers");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n_unknown && i < NAMES_SHOWN; i++)
		us_jsonw_string(w, unknown[i]);
	us_jsonw_close(w, ']');
	us_jsonw_close(w, '}');
}

enum us_errc us_directory_logins_note(struct us_call *call, struct us_err *err)
{
	struct us_directory d;
	struct reported *list = NULL;
	int64_t id, noted = 0, returning = 0;
	size_t n = 0, found = 0, n_unknown = 0;
	enum us_errc rc = us_call_read_number(call, 0, "directory", &id, err);

	if (!rc)
		rc = read_reported(call, &list, &n, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_directory_load(call->c, call->arena, id, &d, err);
	if (rc)
		return rc;
	struct us_login *logins = us_arena_array(call->arena, n, sizeof *logins);
	struct us_slice *unknown = us_arena_array(call->arena, n, sizeof *unknown);
	for (size_t i = 0; i < n; i++) {
		uint32_t number;
		rc = us_object_find_number(call->c, id, false, list[i].username, 0, &number, err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		if (rc) {
			bool is_returning;
			rc = us_retired_return(call->c, id, list[i].username, list[i].at, &is_returning, err);
			if (rc)
				return rc;
			if (is_returning)
				returning++;
			else
				unknown[n_unknown++] = list[i].username;
		} else
			logins[found++] = (struct us_login) { number, list[i].at, call->who.name };
	}
	rc = us_login_note(call->c, id, logins, found, &noted, err);
	if (!rc)
		rc = us_call_commit(call, err);
	if (!rc)
		write_noted(&call->w, n, found, noted, returning, unknown, n_unknown);
	return rc;
}

enum us_errc us_directory_logins_list(struct us_call *call, struct us_err *err)
{
	struct us_slice never = us_target_parameter(&call->request->target, "never"), after;
	struct us_directory d;
	struct us_login_row *rows;
	int64_t id, limit;
	size_t n;
	enum us_errc rc = us_call_read_number(call, 0, "directory", &id, err);

	if (!rc)
		rc = us_call_read_limit(call, 100, 1000, &limit, err);
	if (!rc)
		rc = us_call_read_cursor(call, 'l', &after, err);
	if (!rc && never.p && !us_slice_is(never, "true") && !us_slice_is(never, "false"))
		rc = us_err_set(err, US_INVALID, "never must be true or false");
	if (!rc)
		rc = us_call_lease_reader(call, err);
	if (!rc)
		rc = us_directory_load(call->c, call->arena, id, &d, err);
	if (!rc)
		rc = us_login_list(call->c, call->arena, id, after, us_slice_is(never, "true"), (size_t) limit + 1, &rows, &n, err);
	if (rc)
		return rc;
	bool has_more = n > (size_t) limit;
	if (has_more)
		n = (size_t) limit;
	us_jsonw_open(&call->w, '{');
	us_jsonw_key(&call->w, "logins");
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++) {
		us_jsonw_open(&call->w, '{');
		us_jsonw_put_string(&call->w, "username", rows[i].name);
		us_jsonw_put_bool(&call->w, "active", rows[i].is_active);
		us_call_put_time(&call->w, "lastLogin", rows[i].login.at);
		us_jsonw_put_string(&call->w, "lastLoginVia", rows[i].login.via);
		us_jsonw_close(&call->w, '}');
	}
	us_jsonw_close(&call->w, ']');
	us_call_put_cursor(call, 'l', has_more ? rows[n - 1].fold : US_SLICE_NONE);
	us_jsonw_close(&call->w, '}');
	return US_OK;
}
