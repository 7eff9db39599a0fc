#include "model/predicate.h"

#include <stdlib.h>

#include "base/script.h"

#define SETTING "cleanupIf"

enum { OWN_FIELDS = 8 }; /* beside the further attributes */

struct us_predicate {
	struct us_script *script;
	int chunk;
	struct us_slice connector;
};

struct us_predicate *us_predicate_new(const struct us_json *configuration, struct us_slice connector)
{
	struct us_slice source = us_json_string(configuration, SETTING);
	struct us_err err = US_ERR_INIT;

	if (!us_slice_trim(source).n)
		return NULL;
	struct us_predicate *p = us_calloc(1, sizeof *p);
	*p = (struct us_predicate) { .script = us_script_new(), .connector = connector };
	enum us_errc rc = us_script_compile(p->script, source, &p->chunk, &err);
	us_assert(rc == US_OK); /* it was checked */
	return p;
}

void us_predicate_free(struct us_predicate *p)
{
	if (!p)
		return;
	us_script_free(p->script);
	free(p);
}

static void add_field(struct us_arena *arena, struct us_field *fields, size_t *n, const char *name, struct us_slice value)
{
	if (!value.p)
		return;
	struct us_slice *one = us_arena_alloc(arena, sizeof *one);
	*one = value;
	fields[(*n)++] = (struct us_field) { .name = us_slice(name), .values = one, .n = 1 };
}

static size_t write_fields(struct us_arena *arena, const struct us_predicate_subject *s, struct us_field **ret_fields)
{
	const struct us_user *u = s->user;
	struct us_field *fields = us_arena_array(arena, u->n_attributes + OWN_FIELDS, sizeof *fields);
	size_t n = 0;

	add_field(arena, fields, &n, "id", u->id);
	add_field(arena, fields, &n, "username", u->name);
	add_field(arena, fields, &n, "fullName", u->full_name);
	add_field(arena, fields, &n, "firstName", u->first_name);
	add_field(arena, fields, &n, "lastName", u->last_name);
	add_field(arena, fields, &n, "email", u->email);
	add_field(arena, fields, &n, "active", u->active ? US_SLICE("true") : US_SLICE("false"));
	if (s->n_groups)
		fields[n++] = (struct us_field) { .name = US_SLICE("groups"), .values = s->groups, .n = s->n_groups };
	for (size_t i = 0; i < u->n_attributes; i++)
		fields[n++] = u->attributes[i];
	*ret_fields = fields;
	return n;
}

enum us_errc us_predicate_ask(struct us_predicate *p, struct us_arena *arena, const struct us_predicate_subject *subject,
	enum us_predicate_answer *ret_answer, enum us_stage_action *ret_stage, struct us_err *err)
{
	struct us_script_number numbers[] = { { "missingDays", subject->missing_days, false },
		{ "daysSinceLogin", subject->login_days, subject->login_days < 0 } };
	struct us_script_input input = { .connector = p->connector, .numbers = numbers, .n_numbers = sizeof numbers / sizeof *numbers };
	struct us_script_result result;
	struct us_field *fields;

	input.n_user = write_fields(arena, subject, &fields);
	input.user = fields;
	enum us_errc rc = us_script_run(p->script, p->chunk, &input, arena, &result, err);
	if (rc)
		return rc;
	struct us_slice value = result.n == 1 ? result.values[0] : US_SLICE_NONE;
	if (us_slice_is(value, "true"))
		*ret_answer = US_PREDICATE_YES;
	else if (us_slice_is(value, "false"))
		*ret_answer = US_PREDICATE_NO;
	else if (value.p && us_stage_action_parse(value, ret_stage))
		*ret_answer = US_PREDICATE_STAGE;
	else
		return us_err_set(err, US_INVALID, "the script returns %s%.*s: it must return true, false, \"disable\", \"strip\", \"anonymize\" or \"delete\"",
			result.is_drop ? "drop" : result.n == 0 ? "nothing" : result.n > 1 ? "a list" : "", value.n > 60 ? 60 : (int) value.n, value.p ? value.p : "");
	return US_OK;
}

void us_predicate_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	const struct us_json *source = us_json_find(configuration, SETTING);
	struct us_err err = US_ERR_INIT;
	int chunk;

	if (!source || source->type != US_JSON_STRING || !us_slice_trim(source->string).n)
		return;
	struct us_script *script = us_script_new();
	if (us_script_compile(script, source->string, &chunk, &err))
		us_problem_add(arena, list, SETTING, "%s", err.text);
	us_script_free(script);
	if (us_slice_is(us_json_string(configuration, "cleanup"), "keep"))
		us_problem_add(arena, list, SETTING, "has no effect when cleanup is keep");
}
