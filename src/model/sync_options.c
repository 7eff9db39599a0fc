#include "model/sync_options.h"

#include <stdlib.h>

#include "model/mapping.h"
#include "model/retention.h"
#include "model/schedule.h"

const struct us_option us_sync_options[] = {
	{ "cleanup", US_OPTION_CHOICE, "Cleanup", "What becomes of users that the source no longer has, after a complete read.",
		.fallback = "disable", .choices = "disable|delete|keep", .scope = true },
	{ "groupCleanup", US_OPTION_CHOICE, "Group cleanup", "What becomes of groups that the source no longer has.",
		.fallback = "delete", .choices = "delete|keep", .scope = true },
	{ "allOrNothing", US_OPTION_BOOL, "All or nothing",
		"An incomplete read changes nothing at all, instead of updating what was read without any cleanup.", .fallback = "false" },
	{ "limits", US_OPTION_OBJECT, "Limits",
		"A plan that goes beyond one of these is held until an admin approves it: users, groups, memberships, each with floor (objects) and "
		"percent; shrinkPercent for a listing that is shorter than what is there." },
	{ "schedule", US_OPTION_OBJECT, "Schedule", "When the connector runs by itself; never, if it is not given.", .members = us_schedule_options },
	{ "retention", US_OPTION_OBJECT, "Retention", "How many runs and results are kept, and for how long; what is not given is the server's.",
		.members = us_retention_options },
	{ "mapping", US_OPTION_ARRAY, "User mapping", "Rows of attribute and source (from, template, script or value), transform and noMatch that replace or extend those of the source type.", .scope = true },
	{ "groupMapping", US_OPTION_ARRAY, "Group mapping", "The same for groups: name, description.", .scope = true },
	{ NULL },
};

static const struct {
	const char *name;
	size_t offset;
} limit_fields[] = {
	{ "users", offsetof(struct us_sync_settings, users) },
	{ "groups", offsetof(struct us_sync_settings, groups) },
	{ "memberships", offsetof(struct us_sync_settings, memberships) },
};
enum { N_LIMITS = sizeof limit_fields / sizeof *limit_fields };

/* 20 percent and at least 10: a plan is held if it takes more than ten and more than a fifth. */
static const struct us_limit default_limit = { .floor = 10, .percent = 20 };
enum { DEFAULT_SHRINK_PERCENT = 50 };

void us_sync_settings_read(const struct us_json *configuration, struct us_sync_settings *ret_settings)
{
	const struct us_conf conf = { us_sync_options, configuration };
	const struct us_json *limits = us_conf_value(&conf, "limits");
	struct us_slice cleanup = us_conf_string(&conf, "cleanup");
	struct us_sync_settings s = {
		.cleanup = us_slice_is(cleanup, "delete") ? US_CLEANUP_DELETE : us_slice_is(cleanup, "keep") ? US_CLEANUP_KEEP
		                                                                                             : US_CLEANUP_DISABLE,
		.delete_groups = us_slice_is(us_conf_string(&conf, "groupCleanup"), "delete"),
		.all_or_nothing = us_conf_bool(&conf, "allOrNothing"),
		.shrink_percent = us_json_int(limits, "shrinkPercent", DEFAULT_SHRINK_PERCENT),
	};

	for (size_t i = 0; i < N_LIMITS; i++) {
		const struct us_json *l = us_json_find(limits, limit_fields[i].name);
		struct us_limit *out = (struct us_limit *) ((char *) &s + limit_fields[i].offset);
		out->floor = us_json_int(l, "floor", default_limit.floor);
		out->percent = us_json_int(l, "percent", default_limit.percent);
	}
	*ret_settings = s;
}

static void check_number(struct us_arena *arena, const char *field, const struct us_json *v, int64_t most, struct us_problem **list)
{
	if (v->type != US_JSON_INT)
		us_problem_add(arena, list, field, "must be a whole number, not %s", us_json_type_name(v->type));
	else if (v->integer < 0 || v->integer > most)
		us_problem_add(arena, list, field, "must be from 0 to %lld", (long long) most);
}

static void check_limit(struct us_arena *arena, const char *name, const struct us_json *limit, struct us_problem **list)
{
	const char *field = us_arena_printf(arena, "limits.%s", name);

	if (limit->type != US_JSON_OBJECT) {
		us_problem_add(arena, list, field, "must be an object with floor and percent");
		return;
	}
	for (size_t i = 0; i < limit->object.n; i++) {
		const struct us_json_member *m = &limit->object.members[i];
		const char *inner = us_arena_printf(arena, "%s." US_SLICE_FMT, field, US_SLICE_ARG(m->key));
		if (us_slice_is(m->key, "floor"))
			check_number(arena, inner, &m->value, 1000000000, list);
		else if (us_slice_is(m->key, "percent"))
			check_number(arena, inner, &m->value, 100, list);
		else
			us_problem_add(arena, list, inner, "is not known (known: floor, percent)");
	}
}

static void check_limits(struct us_arena *arena, const struct us_json *limits, struct us_problem **list)
{
	if (!limits || limits->type != US_JSON_OBJECT)
		return;
	for (size_t i = 0; i < limits->object.n; i++) {
		const struct us_json_member *m = &limits->object.members[i];
		size_t k = 0;
		while (k < N_LIMITS && !us_slice_is(m->key, limit_fields[k].name))
			k++;
		if (k < N_LIMITS)
			check_limit(arena, limit_fields[k].name, &m->value, list);
		else if (us_slice_is(m->key, "shrinkPercent"))
			check_number(arena, "limits.shrinkPercent", &m->value, 100, list);
		else
			us_problem_add(arena, list, us_arena_printf(arena, "limits." US_SLICE_FMT, US_SLICE_ARG(m->key)),
				"is not known (known: users, groups, memberships, shrinkPercent)");
	}
}

void us_sync_settings_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	check_limits(arena, us_json_find(configuration, "limits"), list);
	us_mapping_check(arena, configuration, list);
	us_retention_check(arena, configuration, list);
}

static void add_scope(struct us_jsonw *w, const struct us_option *options, const struct us_json *configuration)
{
	for (const struct us_option *o = options; o && o->name; o++) {
		const struct us_json *v = us_json_find(configuration, o->name);
		if (!o->scope || o->secret || !v || v->type == US_JSON_NULL)
			continue;
		us_jsonw_key(w, o->name);
		us_jsonw_value(w, v);
	}
}

void us_sync_settings_scope(const struct us_option *type_options, const struct us_json *configuration, struct us_str *out)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	us_jsonw_open(&w, '{');
	add_scope(&w, type_options, configuration);
	add_scope(&w, us_sync_options, configuration);
	us_jsonw_close(&w, '}');
}
