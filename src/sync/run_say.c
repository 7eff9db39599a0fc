#include "sync/run_state.h"

#include "base/clock.h"
#include "model/absent.h"
#include "model/difference.h"
#include "model/sync_options.h"
#include "store/object.h"
#include "sync/guard.h"

/* The names of groups of the plan: from the directory, or, of those that it does not have yet, from the plan's rows. */
static void write_group_names(struct us_act *a, const uint32_t *numbers, size_t n, struct us_str *out)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice names[8] = { US_SLICE_NONE };
	struct us_change_walk walk;
	struct us_change change;
	size_t missing = 0;

	us_assert(n <= sizeof names / sizeof *names);
	for (size_t i = 0; i < n; i++) {
		struct us_group_image image;
		if (us_object_load_group(a->reader, &a->arena, a->run.directory, numbers[i], &image, NULL) == US_OK)
			names[i] = image.group.name;
		else
			missing++;
	}
	if (missing && us_change_walk_begin(a->reader, a->run.id, US_OBJECT_GROUP, US_OUTCOME_ADDED, &walk, NULL) == US_OK) {
		for (; missing && us_change_walk_next(&walk, &arena, &change, NULL) == US_OK; us_arena_reset(&arena))
			for (size_t i = 0; i < n; i++)
				if (change.number == numbers[i]) {
					names[i] = us_slice_dup(&a->arena, change.name);
					missing--;
				}
		us_change_walk_end(&walk);
	}
	for (size_t i = 0; i < n; i++) {
		us_str_add_text(out, i ? ", " : ": ");
		if (names[i].p)
			us_str_add_slice(out, names[i]);
		else
			us_str_printf(out, "group number %u", numbers[i]);
	}
	us_arena_fini(&arena);
}

/* What a full sync read tells of every user; a delta and a partial read do not. */
static void say_absent(struct us_act *a)
{
	struct us_str paths = US_STR_INIT;
	size_t n;

	if (!a->mapping || a->is_partial || !a->counts.listed_users || (a->run.kind != US_RUN_FULL && a->run.kind != US_RUN_SIMULATION))
		return;
	const struct us_mapping_row *rows = us_mapping_user_rows(a->mapping, &n);
	if (us_absent_write(rows, n, &paths))
		us_messages_add(&a->messages, "The mapping reads what no user of %lld has: %s. Correct the path, or remove it.",
			(long long) a->counts.listed_users, us_str_text(&paths));
	us_str_fini(&paths);
}

/* A guard that guards nobody, mostly for its name is misspelt or the group has another one now. */
static void say_unmatched(struct us_act *a)
{
	if ((a->run.kind != US_RUN_FULL && a->run.kind != US_RUN_SIMULATION) || !a->mapping || !a->counts.have_users)
		return;
	struct us_slice admins = us_patterns_unmarked(a->rules->admin_groups), protecting = us_patterns_unmarked(a->rules->protecting_groups);
	if (admins.p)
		us_messages_add(&a->messages, "No group of the directory matches <" US_SLICE_FMT "> of adminGroups: that entry guards nobody.",
			US_SLICE_ARG(admins));
	if (protecting.p)
		us_messages_add(&a->messages, "No group of the directory matches <" US_PATTERN_GROUP US_SLICE_FMT "> of protectedUsers: that entry protects nobody.",
			US_SLICE_ARG(protecting));
}

void us_run_say_counts(struct us_act *a)
{
	const struct us_plan_counts *c = &a->counts;

	if (c->unidentified_users || c->unidentified_groups)
		us_messages_add(&a->messages,
			"%lld users and %lld groups were listed without a usable id; objects of that kind are not "
			"cleaned up.",
			(long long)c->unidentified_users, (long long)c->unidentified_groups);
	if (c->shared_ref.p)
		us_messages_add(&a->messages,
			"%lld users and %lld groups are called as others are, once case and spelling are put aside (<" US_SLICE_FMT
			">): nobody knows who of them is meant, so they are put into no group, and keep the memberships that they have. Rename one of them.",
			(long long) c->shared_users, (long long) c->shared_groups, US_SLICE_ARG(c->shared_ref));
	if (a->unsaid)
		us_messages_add(&a->messages, a->unsaid == 1 ? "%lld user is inactive, and the source does not say whether it still is: it stays so." :
			"%lld users are inactive, and the source does not say whether they still are: they stay so.", (long long) a->unsaid);
	if (c->missing_required.p)
		us_messages_add(&a->messages,
			"No group matches <" US_SLICE_FMT
			"> of requiredGroups: correct the name, or remove it; no user is cleaned up "
			"until then.",
			US_SLICE_ARG(c->missing_required));
	if (c->has_unread_required)
		us_messages_add(
			&a->messages, "The members of a required group could not be read; no user is cleaned up.");
	if (c->protected_users == 1)
		us_messages_add(&a->messages, "1 user would be cleaned up, but is protected: it is left as it is.");
	else if (c->protected_users)
		us_messages_add(&a->messages,
			"%lld users would be cleaned up, but are protected: they are left as they are.",
			(long long)c->protected_users);
	say_unmatched(a);
	/* Of a narrowed read, they are of users whom nobody asked for. */
	if (c->unresolved_members && !a->scope.n)
		us_messages_add(&a->messages, "%lld memberships name objects that were not listed; they are left out.",
			(long long) c->unresolved_members);
	say_absent(a);
	if (c->n_cycles) {
		uint32_t numbers[5];
		size_t n = us_plan_cycle_numbers(a->plan, numbers, 5);
		struct us_str names = US_STR_INIT;
		write_group_names(a, numbers, n, &names);
		us_messages_add(&a->messages, "%u groups are members of themselves through others%s", c->n_cycles, us_str_text(&names));
		us_str_fini(&names);
	}
}

void us_run_explain_verdict(struct us_act *a, const struct us_verdict *v, struct us_str *out)
{
	if (v->rule == US_GUARD_GROUP_EMPTIED) {
		us_str_add_text(out, " Group");
		write_group_names(a, &v->group, 1, out);
	}
	if (v->rule == US_GUARD_LAST_ADMIN) {
		us_str_printf(out, " Group: " US_SLICE_FMT "; users: ", US_SLICE_ARG(a->last_admin.group));
		for (size_t i = 0; i < a->last_admin.n_users; i++)
			us_str_printf(out, "%s" US_SLICE_FMT, i ? ", " : "", US_SLICE_ARG(a->last_admin.users[i]));
		if (a->last_admin.n_active > (int64_t) a->last_admin.n_users)
			us_str_add_text(out, " and others");
	}
	if (v->rule == US_GUARD_SCOPE_CHANGED) {
		const struct us_json *was = NULL, *is = NULL;
		struct us_difference *list = NULL;
		if (us_json_parse(&a->arena, a->connector.applied_scope, US_JSON_LIMITS_SMALL, &was, NULL) == US_OK &&
			us_json_parse(&a->arena, us_str_slice(&a->scope_json), US_JSON_LIMITS_SMALL, &is, NULL) == US_OK)
			us_difference_add(&a->arena, a->ops->type.options, us_sync_options, "configuration", was, is, &list);
		for (const struct us_difference *d = list; d; d = d->next)
			us_str_printf(out, "%s%s", d == list ? " Changed: " : ", ", d->field);
	}
}

void us_run_say_verdict(struct us_act *a, int64_t part)
{
	struct us_str text = US_STR_INIT;

	/* A part has a time of its own; a simulation can be applied as long as its directory is as it was. */
	if (a->settings.held_expiry_s && !part && a->run.kind != US_RUN_SIMULATION)
		a->run.expires = us_clock_wall_s() + a->settings.held_expiry_s;
	us_str_clear(&a->held_json);
	us_guard_write(&a->verdict, part, &a->held_json);
	a->run.held = us_str_slice(&a->held_json);
	us_guard_describe(&a->verdict, part, &text);
	us_run_explain_verdict(a, &a->verdict, &text);
	us_messages_add(&a->messages, "%s%s", a->run.kind != US_RUN_SIMULATION ? "" : a->splits ? "Of a sync, the cleanup would be held: " :
		"A sync would be held: ", us_str_text(&text));
	us_str_fini(&text);
}

void us_run_say_override(struct us_act *a, const struct us_verdict *passed, struct us_slice by, struct us_slice reason)
{
	struct us_str text = US_STR_INIT;

	us_guard_describe_passed(passed, &text);
	us_messages_add(&a->messages, "Overridden by " US_SLICE_FMT " (" US_SLICE_FMT "): %s.", US_SLICE_ARG(by), US_SLICE_ARG(reason), us_str_text(&text));
	us_str_fini(&text);
}
