#include "model/sync_options.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/script.h"
#include "model/mapping.h"
#include "model/mapping_row.h"
#include "model/retention.h"
#include "model/schedule.h"
#include "model/notice.h"
#include "model/predicate.h"

static const struct us_option stage_options[] = {
	{ "afterDays", US_OPTION_INT, "After days", "Days since the first run that missed the user; not less than of the stage before.", .max = 36500, .required = true },
	{ "action", US_OPTION_CHOICE, "Action", "What is done then.", .choices = "disable|strip|anonymize|delete", .required = true },
	{ NULL },
};

const struct us_option us_sync_options[] = {
	{ "cleanup", US_OPTION_CHOICE, "Cleanup",
		"What becomes of users that the source no longer has, after a complete read.", .fallback = "disable",
		.choices = "disable|delete|anonymize|keep|staged", .scope = true },
	{ "cleanupStages", US_OPTION_ARRAY, "Cleanup stages",
		"For cleanup \"staged\": rows of afterDays (since the first run that missed the user) and action "
		"(disable, strip, anonymize, delete). "
		"Each is undone when the user returns.",
		.members = stage_options, .scope = true },
	{ "cleanupIf", US_OPTION_TEXT, "Cleanup if",
		"A script that is asked about each user that the source no longer has: true, cleanup goes on; false, the user stays; or the name of a "
		"stage, which is done then.",
		.max = US_SCRIPT_SOURCE_BYTES, .scope = true },
	{ "stripMemberships", US_OPTION_BOOL, "Strip memberships",
		"Cleanup takes users out of all groups that the connector put them into, users who were cleaned up "
		"earlier too.",
		.fallback = "false", .scope = true },
	{ "stripExceptions", US_OPTION_PATTERNS, "Strip exceptions",
		"Groups that users stay in when their memberships are stripped.", .scope = true },
	{ "protectedUsers", US_OPTION_PATTERNS, "Protected users",
		"Users that are never changed, cleaned up or taken out of a group, by name; \"group:NAME\" protects "
		"the members of a group." },
	{ "groupFilter", US_OPTION_PATTERNS, "Group filter",
		"Only groups of these names are synced; names as the mapping gives them.", .scope = true, .of_source = true },
	{ "groupExclude", US_OPTION_PATTERNS, "Excluded groups", "Groups of these names are not synced.",
		.scope = true, .of_source = true },
	{ "requiredGroups", US_OPTION_PATTERNS, "Required groups",
		"Only users who are in one of these groups, directly or through others, are synced; the others fall "
		"to cleanup.",
		.scope = true, .of_source = true },
	{ "nestedGroups", US_OPTION_CHOICE, "Nested groups",
		"Groups inside of groups are kept as they are, or flattened: a group then has all users below it as "
		"its own members.",
		.fallback = "keep", .choices = "keep|flatten", .scope = true, .of_source = true },
	{ "emptyGroups", US_OPTION_CHOICE, "Empty groups",
		"Groups without any user in them, directly or through others, are kept or dropped.",
		.fallback = "keep", .choices = "keep|drop", .scope = true, .of_source = true },
	{ "assignGroups", US_OPTION_STRINGS, "Assigned groups",
		"Every user of the source is put into these groups as well. A local group keeps its own members; a "
		"missing one is made.", .of_source = true },
	{ "managedGroups", US_OPTION_PATTERNS, "Managed groups",
		"Only in these groups does a sync add and remove members; others are synced without." },
	{ "unmanagedGroups", US_OPTION_PATTERNS, "Unmanaged groups",
		"In these groups a sync neither adds nor removes members." },
	{ "protectedGroups", US_OPTION_PATTERNS, "Protected groups",
		"Groups that are never changed or deleted; members are added to them and never removed." },
	{ "adminGroups", US_OPTION_PATTERNS, "Admin groups",
		"A plan that would leave one of these groups without any active user, directly or through others, is held." },
	{ "create", US_OPTION_CHOICE, "Create users",
		"Whether users that the directory does not have are created: always, only by single updates, "
		"or never.",
		.fallback = "always", .choices = "always|single|never", .of_source = true },
	{ "setActive", US_OPTION_BOOL, "Set active",
		"The source decides whether a user is active. If not, users keep the state that they have in the "
		"directory; who was disabled by "
		"cleanup comes back as somebody new would.",
		.fallback = "true", .of_source = true },
	{ "groupCleanup", US_OPTION_CHOICE, "Group cleanup",
		"What becomes of groups that the source no longer has.", .fallback = "delete",
		.choices = "delete|keep", .scope = true, .of_source = true },
	{ "allOrNothing", US_OPTION_BOOL, "All or nothing",
		"An incomplete read changes nothing at all, instead of updating what was read without any cleanup.", .fallback = "false", .of_source = true },
	{ "limits", US_OPTION_OBJECT, "Limits",
		"A plan that goes beyond one of these is held until an admin approves it: users, groups, memberships, each with floor (objects) and "
		"percent; of the users also disabled, deleted, anonymized and renamed apart; perGroup with minSize and percent for the members that one "
		"group loses; shrinkPercent for a listing that is shorter than what is there." },
	{ "onLimit", US_OPTION_CHOICE, "On limit",
		"What waits when a full sync goes beyond a limit: hold, the whole plan; cleanup, only what it takes away, so that "
		"new users and updates go on.",
		.fallback = "hold", .choices = "hold|cleanup" },
	{ "heldExpiry", US_OPTION_STRING, "Expiry of held plans",
		"A held plan can be approved for so long, such as 12h or 7d (a number alone is seconds); then it is cancelled, and a new sync makes a new one. 0: for ever.",
		.fallback = "7d", .max = 20 },
	{ "schedule", US_OPTION_OBJECT, "Schedule", "When the connector runs by itself; never, if it is not given.", .members = us_schedule_options },
	{ "retention", US_OPTION_OBJECT, "Retention", "How many runs and results are kept, and for how long; what is not given is the server's.",
		.members = us_retention_options },
	{ "mapping", US_OPTION_ARRAY, "User mapping", "Rows of attribute and source (from, template, script or value), transform and noMatch that replace or extend those of the source type.",
		.members = us_mapping_row_options, .scope = true, .of_source = true },
	{ "groupMapping", US_OPTION_ARRAY, "Group mapping", "The same for groups: name, description, further attributes.", .members = us_mapping_row_options, .scope = true, .of_source = true },
	{ "delegateAuthentication", US_OPTION_BOOL, "Delegate authentication",
		"Applications that may authenticate users can have this connector's identity provider asked whether a password is right; the password is "
		"not stored.",
		.fallback = "false", .of_source = true },
	{ "authenticationCacheSeconds", US_OPTION_INT, "Authentication cache",
		"For so many seconds the same right password of the same user is not asked for again; 0: it is asked for each time.",
		.fallback = "0", .min = 0, .max = 600, .of_source = true },
	{ "noticeFailures", US_OPTION_INT, "Failures before a notice",
		"A notice goes out when the full sync has failed so many times in a row, and after as many more; 0 for none.", .fallback = "3", .min = 0,
		.max = 1000 },
	{ "noticeOverdueHours", US_OPTION_INT, "Hours before a notice",
		"A notice goes out when no full sync has ended well for so many hours; 0 for none.", .fallback = "0", .min = 0, .max = 8760 },
	{ "secretExpires", US_OPTION_STRING, "Secret expires", "The day on which the secret at the identity provider expires, as 2027-01-31.", .max = 10 },
	{ "noticeExpiryDays", US_OPTION_INT, "Days before the secret expires",
		"The first notice goes out so many days before; others follow 7 days and 1 day before, and when it has expired.", .fallback = "30", .min = 0,
		.max = 365 },
	{ NULL },
};

static const struct {
	const char *name;
	size_t offset;
} limit_fields[] = {
	{ "users", offsetof(struct us_sync_settings, users) },
	{ "groups", offsetof(struct us_sync_settings, groups) },
	{ "memberships", offsetof(struct us_sync_settings, memberships) },
	{ "disabled", offsetof(struct us_sync_settings, disabled) },
	{ "deleted", offsetof(struct us_sync_settings, deleted) },
	{ "anonymized", offsetof(struct us_sync_settings, anonymized) },
	{ "renamed", offsetof(struct us_sync_settings, renamed) },
};
enum { N_LIMITS = sizeof limit_fields / sizeof *limit_fields };

/* 20 percent and at least 10: a plan is held if it takes more than ten and more than a fifth. */
static const struct us_limit default_limit = { .floor = 10, .percent = 20 };
/* Half of the members of a group of fifty. */
static const struct us_limit default_per_group = { .floor = 50, .percent = 50 };
enum { DEFAULT_SHRINK_PERCENT = 50 };

static const char *const cleanup_words[] = {
	[US_CLEANUP_DISABLE] = "disable",
	[US_CLEANUP_DELETE] = "delete",
	[US_CLEANUP_ANONYMIZE] = "anonymize",
	[US_CLEANUP_KEEP] = "keep",
	[US_CLEANUP_STAGED] = "staged",
	NULL,
};
static const char *const action_words[] = {
	[US_STAGE_DISABLE] = "disable",
	[US_STAGE_STRIP] = "strip",
	[US_STAGE_ANONYMIZE] = "anonymize",
	[US_STAGE_DELETE] = "delete",
	NULL,
};
static const char *const create_words[] = {
	[US_CREATE_ALWAYS] = "always",
	[US_CREATE_SINGLE] = "single",
	[US_CREATE_NEVER] = "never",
	NULL,
};

/* -1 if it is none of them. */
static int find_word(const char *const *words, struct us_slice word)
{
	for (int i = 0; words[i]; i++)
		if (us_slice_is(word, words[i]))
			return i;
	return -1;
}

bool us_stage_action_parse(struct us_slice word, enum us_stage_action *ret_action)
{
	int found = find_word(action_words, word);

	if (found < 0)
		return false;
	*ret_action = (enum us_stage_action) found;
	return true;
}

static void read_stages(const struct us_json *list, struct us_sync_settings *s)
{
	for (size_t i = 0; list && i < list->array.n; i++)
		s->stages[s->n_stages++] = (struct us_stage) { us_json_int(&list->array.items[i], "afterDays", 0),
			(enum us_stage_action)find_word(action_words, us_json_string(&list->array.items[i], "action")) };
}

/* A member that is null is not set. */
static const struct us_json *find_set(const struct us_json *object, const char *name)
{
	const struct us_json *v = us_json_find(object, name);

	return v && v->type != US_JSON_NULL ? v : NULL;
}

static const struct us_json *find_member(const struct us_json *object, struct us_slice name)
{
	for (size_t i = 0; object && object->type == US_JSON_OBJECT && i < object->object.n; i++)
		if (us_slice_is_equal(object->object.members[i].key, name) && object->object.members[i].value.type != US_JSON_NULL)
			return &object->object.members[i].value;
	return NULL;
}

/* One of the limits: the connector's own, or the server's. */
static const struct us_json *find_limit(const struct us_json *configuration, const struct us_json *defaults, const char *name)
{
	const struct us_json *own = find_set(find_set(configuration, "limits"), name);

	return own ? own : find_set(find_set(defaults, "limits"), name);
}

/* The same for one number of a limit, such as its floor. */
static int64_t read_number(const struct us_json *configuration, const struct us_json *defaults, const char *name, const char *number, int64_t fallback)
{
	const struct us_json *own = find_set(find_set(find_set(configuration, "limits"), name), number);
	const struct us_json *limit = own ? find_set(find_set(configuration, "limits"), name) : find_set(find_set(defaults, "limits"), name);

	return us_json_int(limit, number, fallback);
}

/* What a limit of the server has beside the connector's own. */
static void write_inherited_limit(struct us_jsonw *w, const struct us_json_member *limit, const struct us_json *own)
{
	bool is_open = false;

	if (!own) {
		us_jsonw_key_slice(w, limit->key);
		us_jsonw_value(w, &limit->value);
		return;
	}
	for (size_t i = 0; limit->value.type == US_JSON_OBJECT && i < limit->value.object.n; i++) {
		const struct us_json_member *number = &limit->value.object.members[i];
		if (find_member(own, number->key) || number->value.type == US_JSON_NULL)
			continue;
		if (!is_open) {
			us_jsonw_key_slice(w, limit->key);
			us_jsonw_open(w, '{');
			is_open = true;
		}
		us_jsonw_key_slice(w, number->key);
		us_jsonw_value(w, &number->value);
	}
	if (is_open)
		us_jsonw_close(w, '}');
}

void us_sync_settings_write_inherited(struct us_jsonw *w, const struct us_json *configuration, const struct us_json *defaults)
{
	static const char *const plain[] = { "onLimit", "heldExpiry" };
	const struct us_json *own = find_set(configuration, "limits"), *limits = find_set(defaults, "limits");

	us_jsonw_open(w, '{');
	us_jsonw_key(w, "limits");
	us_jsonw_open(w, '{');
	for (size_t i = 0; limits && limits->type == US_JSON_OBJECT && i < limits->object.n; i++) {
		const struct us_json_member *m = &limits->object.members[i];
		if (m->value.type != US_JSON_NULL)
			write_inherited_limit(w, m, find_member(own, m->key));
	}
	us_jsonw_close(w, '}');
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		const struct us_json *v = find_set(configuration, plain[i]) ? NULL : find_set(defaults, plain[i]);
		if (v) {
			us_jsonw_key(w, plain[i]);
			us_jsonw_value(w, v);
		}
	}
	us_jsonw_close(w, '}');
}

void us_sync_settings_read(const struct us_json *configuration, const struct us_json *defaults, struct us_sync_settings *ret_settings)
{
	const struct us_conf conf = { us_sync_options, configuration };
	const struct us_conf on_limit = { us_sync_options, find_set(configuration, "onLimit") ? configuration : defaults };
	const struct us_conf expiry = { us_sync_options, find_set(configuration, "heldExpiry") ? configuration : defaults };
	const struct us_json *shrink = find_limit(configuration, defaults, "shrinkPercent");
	struct us_sync_settings s = {
		.cleanup = (enum us_cleanup)find_word(cleanup_words, us_conf_string(&conf, "cleanup")),
		.strips = us_conf_bool(&conf, "stripMemberships"),
		.create = (enum us_create)find_word(create_words, us_conf_string(&conf, "create")),
		.flattens_groups = us_slice_is(us_conf_string(&conf, "nestedGroups"), "flatten"),
		.drops_empty_groups = us_slice_is(us_conf_string(&conf, "emptyGroups"), "drop"),
		.keeps_active = !us_conf_bool(&conf, "setActive"),
		.delete_groups = us_slice_is(us_conf_string(&conf, "groupCleanup"), "delete"),
		.all_or_nothing = us_conf_bool(&conf, "allOrNothing"),
		.holds_cleanup_only = us_slice_is(us_conf_string(&on_limit, "onLimit"), "cleanup"),
		.shrink_percent = shrink && shrink->type == US_JSON_INT ? shrink->integer : DEFAULT_SHRINK_PERCENT,
	};

	us_clock_parse_span(us_conf_string(&expiry, "heldExpiry"), &s.held_expiry_s);
	const struct us_json *assigned = us_conf_value(&conf, "assignGroups");
	if (assigned && assigned->type == US_JSON_STRING && assigned->string.n)
		s.assigned[s.n_assigned++] = assigned->string;
	for (size_t i = 0; assigned && assigned->type == US_JSON_ARRAY && i < assigned->array.n; i++)
		s.assigned[s.n_assigned++] = assigned->array.items[i].string;
	read_stages(us_conf_value(&conf, "cleanupStages"), &s);
	/* Parts of `users` have no limit of their own unless they are given one. */
	s.disabled = s.deleted = s.anonymized = (struct us_limit) { .percent = 100 };
	s.users = s.groups = s.memberships = default_limit;
	for (size_t i = 0; i < N_LIMITS; i++) {
		const struct us_json *l = find_limit(configuration, defaults, limit_fields[i].name);
		struct us_limit *out = (struct us_limit *) ((char *) &s + limit_fields[i].offset);
		if (out == &s.renamed)
			*out = s.users;
		if (l && l->type == US_JSON_OBJECT)
			*out = (struct us_limit) { read_number(configuration, defaults, limit_fields[i].name, "floor", default_limit.floor),
				read_number(configuration, defaults, limit_fields[i].name, "percent", default_limit.percent) };
	}
	s.per_group = (struct us_limit) { read_number(configuration, defaults, "perGroup", "minSize", default_per_group.floor),
		read_number(configuration, defaults, "perGroup", "percent", default_per_group.percent) };
	*ret_settings = s;
}

static void check_number(struct us_arena *arena, const char *field, const struct us_json *v, int64_t most, struct us_problem **list)
{
	if (v->type == US_JSON_DOUBLE)
		us_problem_add(arena, list, field, "must be a whole number");
	else if (v->type != US_JSON_INT)
		us_problem_add(arena, list, field, "must be a whole number, not %s", us_json_type_name(v->type));
	else if (v->integer < 0 || v->integer > most)
		us_problem_add(arena, list, field, "must be from 0 to %lld", (long long) most);
}

static void check_limit(struct us_arena *arena, const char *name, const char *floor, const struct us_json *limit, struct us_problem **list)
{
	const char *field = us_arena_printf(arena, "limits.%s", name);

	if (limit->type != US_JSON_OBJECT) {
		us_problem_add(arena, list, field, "must be an object with %s and percent", floor);
		return;
	}
	for (size_t i = 0; i < limit->object.n; i++) {
		const struct us_json_member *m = &limit->object.members[i];
		const char *inner = us_arena_printf(arena, "%s." US_SLICE_FMT, field, US_SLICE_ARG(m->key));
		if (us_slice_is(m->key, floor))
			check_number(arena, inner, &m->value, 1000000000, list);
		else if (us_slice_is(m->key, "percent"))
			check_number(arena, inner, &m->value, 100, list);
		else
			us_problem_add(arena, list, inner, "is not known (known: %s, percent)", floor);
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
			check_limit(arena, limit_fields[k].name, "floor", &m->value, list);
		else if (us_slice_is(m->key, "perGroup"))
			check_limit(arena, "perGroup", "minSize", &m->value, list);
		else if (us_slice_is(m->key, "shrinkPercent"))
			check_number(arena, "limits.shrinkPercent", &m->value, 100, list);
		else
			us_problem_add(arena, list, us_arena_printf(arena, "limits." US_SLICE_FMT, US_SLICE_ARG(m->key)),
				"is not known (known: users, disabled, deleted, anonymized, renamed, groups, memberships, perGroup, shrinkPercent)");
	}
}

static void check_stage(
	struct us_arena *arena, const char *at, const struct us_json *stage, struct us_problem **list)
{
	static const char *const known[] = { "afterDays", "action" };
	const struct us_json *days = us_json_find(stage, "afterDays");

	if (stage->type != US_JSON_OBJECT) {
		us_problem_add(arena, list, at, "must be an object with afterDays and action");
		return;
	}
	for (size_t i = 0; i < stage->object.n; i++)
		if (!us_slice_is(stage->object.members[i].key, known[0]) &&
			!us_slice_is(stage->object.members[i].key, known[1]))
			us_problem_add(arena, list, at, "has an unknown member (known: afterDays, action)");
	if (!days)
		us_problem_add(arena, list, at, "has no afterDays");
	else
		check_number(arena, us_arena_printf(arena, "%s.afterDays", at), days, US_STAGE_MAX_DAYS, list);
	if (find_word(action_words, us_json_string(stage, "action")) < 0)
		us_problem_add(arena, list, us_arena_printf(arena, "%s.action", at),
			"must be one of disable, strip, anonymize, delete");
}

static void check_stages(
	struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	const struct us_json *stages = us_json_find(configuration, "cleanupStages");
	bool is_staged = us_slice_is(us_json_string(configuration, "cleanup"), "staged");
	bool has_stages = stages && stages->type == US_JSON_ARRAY && stages->array.n > 0;
	int64_t last = 0;

	if (is_staged && !has_stages)
		us_problem_add(arena, list, "cleanupStages", "is required when cleanup is staged");
	if (!has_stages)
		return;
	if (!is_staged)
		us_problem_add(arena, list, "cleanupStages", "has no effect unless cleanup is staged");
	if (stages->array.n > US_STAGES_MAX) {
		us_problem_add(arena, list, "cleanupStages", "has more than %d stages", US_STAGES_MAX);
		return;
	}
	for (size_t i = 0; i < stages->array.n; i++) {
		const char *at = us_arena_printf(arena, "cleanupStages[%zu]", i);
		check_stage(arena, at, &stages->array.items[i], list);
		int64_t days = us_json_int(&stages->array.items[i], "afterDays", last);
		if (days < last)
			us_problem_add(arena, list, at,
				"comes before the stage above it: put the stages in the order of their days");
		last = days;
		if (i && us_slice_is(us_json_string(&stages->array.items[i - 1], "action"), "delete"))
			us_problem_add(arena, list, at, "comes after delete, which leaves nobody for it: take it away");
	}
}

static void check_expiry(struct us_arena *arena, const struct us_json *span, struct us_problem **list)
{
	int64_t ignored;

	if (span && span->type == US_JSON_STRING && !us_clock_parse_span(span->string, &ignored))
		us_problem_add(arena, list, "heldExpiry", "must be a time from 1s to 3653d, such as 7d, or 0 for ever");
}

static void check_assigned(struct us_arena *arena, const struct us_json *names, struct us_problem **list)
{
	size_t n = names && names->type == US_JSON_ARRAY ? names->array.n : 0;

	if (n > US_ASSIGNED_MAX)
		us_problem_add(arena, list, "assignGroups", "has more than %d names", US_ASSIGNED_MAX);
	for (size_t i = 0; i < n; i++) {
		struct us_slice name = names->array.items[i].string;
		const char *at = us_arena_printf(arena, "assignGroups[%zu]", i);
		if (names->array.items[i].type != US_JSON_STRING)
			continue; /* the schema says so already */
		if (!us_slice_trim(name).n || name.n > US_MAPPING_NAME_MAX_BYTES)
			us_problem_add(arena, list, at, "must be a name of 1 to %d bytes", US_MAPPING_NAME_MAX_BYTES);
		for (size_t k = 0; k < i; k++)
			if (us_hash_is_equal(us_fold_hash(names->array.items[k].string), us_fold_hash(name)))
				us_problem_add(arena, list, at, "is there twice");
	}
}

void us_sync_settings_check(
	struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	check_stages(arena, configuration, list);
	check_assigned(arena, us_json_find(configuration, "assignGroups"), list);
	check_limits(arena, us_json_find(configuration, "limits"), list);
	check_expiry(arena, us_json_find(configuration, "heldExpiry"), list);
	us_notice_check(arena, configuration, list);
	us_predicate_check(arena, configuration, list);
	us_mapping_check(arena, configuration, list);
	us_retention_check(arena, configuration, list);
}

static const struct us_option *find_option(const struct us_option *options, struct us_slice name)
{
	for (const struct us_option *o = options; o && o->name; o++)
		if (us_slice_is(name, o->name))
			return o;
	return NULL;
}

static bool has_option(const struct us_option *options, struct us_slice name) { return find_option(options, name) != NULL; }

bool us_sync_settings_has(const struct us_type *type, const struct us_option *common)
{
	return !has_option(type->options, us_slice(common->name)) && !(common->of_source && type->directory_option);
}

void us_sync_settings_check_type(struct us_arena *arena, const struct us_type *type, const struct us_json *configuration, struct us_problem **list)
{
	for (const struct us_option *o = us_sync_options; type->directory_option && o->name; o++)
		if (o->of_source && find_set(configuration, o->name))
			us_problem_add(arena, list, o->name, "has no meaning for a connector of type %s, which reads no source: leave it out", type->name);
	if (us_schedule_wants_delta(configuration) && !type->has_feed)
		us_problem_add(arena, list, "schedule.mode", "is not possible: a source of type %s has no change feed; want full", type->name);
	if (us_json_bool(configuration, "delegateAuthentication", false) && !type->authenticates && !type->directory_option)
		us_problem_add(arena, list, "delegateAuthentication", "is not possible: a source of type %s cannot check passwords", type->name);
}

const struct us_json *us_sync_settings_common(struct us_arena *arena, const struct us_option *type_options, const struct us_json *configuration)
{
	struct us_json *common = us_arena_zalloc(arena, sizeof *common);

	if (!configuration || configuration->type != US_JSON_OBJECT)
		return configuration;
	struct us_json_member *members = us_arena_array(arena, configuration->object.n, sizeof *members);
	*common = *configuration;
	common->object.members = members;
	common->object.n = 0;
	for (size_t i = 0; i < configuration->object.n; i++) {
		const struct us_option *own = find_option(type_options, configuration->object.members[i].key);
		if (!own || own->is_common)
			members[common->object.n++] = configuration->object.members[i];
	}
	return common;
}

/* Of options, those that are not in others. */
static void add_scope(struct us_jsonw *w, const struct us_option *options, const struct us_option *others, const struct us_json *configuration)
{
	for (const struct us_option *o = options; o && o->name; o++) {
		const struct us_json *v = us_json_find(configuration, o->name);
		if (!o->scope || o->secret || !v || v->type == US_JSON_NULL || has_option(others, us_slice(o->name)))
			continue;
		us_jsonw_key(w, o->name);
		us_jsonw_value(w, v);
	}
}

void us_sync_settings_scope(const struct us_option *type_options, const struct us_json *configuration, struct us_str *out)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	us_jsonw_open(&w, '{');
	add_scope(&w, type_options, NULL, configuration);
	add_scope(&w, us_sync_options, type_options, configuration);
	us_jsonw_close(&w, '}');
}
