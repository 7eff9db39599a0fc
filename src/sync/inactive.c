#include "sync/inactive.h"

#include <stdlib.h>

#include "base/fold.h"
#include "model/fate.h"
#include "store/login.h"
#include "store/object.h"
#include "sync/below.h"

/* Messages of one kind; what is more is counted in one line. */
enum { SAID_MOST = 80 };

/* A user to look at more closely. */
struct candidate {
	uint32_t place;
	struct us_inactive_user user;
	enum us_inactive_verdict verdict;
};

/* One membership that ends. */
struct pair {
	uint32_t group, user;
};

struct work {
	const struct us_inactive *in;
	struct us_plan_counts counts;
	struct us_map admins, only, except; /* numbers of users */
	bool has_only, spares_all;
	struct candidate *list;
	size_t n, cap;
	int64_t n_admins, n_unknown;
	struct pair *pairs;
	size_t n_pairs, cap_pairs;
	struct us_err *err;
};

void us_inactive_read(const struct us_conf *conf, struct us_inactive_settings *ret_settings)
{
	ret_settings->days = us_conf_int(conf, "days");
	ret_settings->counts_never = us_conf_bool(conf, "neverLoggedIn");
}

/* ---- who is looked at ---- */

/* spares: whoever is in one of the groups is left alone. An entry that names no group, most likely one that was renamed, would leave nobody alone. */
static enum us_errc read_list(struct work *w, const char *setting, bool spares, struct us_map *users, bool *ret_is_set)
{
	struct us_patterns *names = us_patterns_new(us_json_find(w->in->configuration, setting), NULL);
	enum us_errc rc = us_below_named(w->in->reader, w->in->directory, names, spares, users, w->err);
	struct us_slice unmarked = us_patterns_unmarked(names);

	if (rc == US_OK && unmarked.p) {
		us_messages_add(w->in->messages, "No group matches <" US_SLICE_FMT "> of %s: correct the name, or remove it%s", US_SLICE_ARG(unmarked), setting,
			spares ? "; no user is cleaned up until then." : ".");
		w->spares_all |= spares;
	}
	if (ret_is_set)
		*ret_is_set = !us_patterns_is_empty(names);
	us_patterns_free(names);
	return rc;
}

static enum us_errc read_lists(struct work *w)
{
	enum us_errc rc = read_list(w, "adminGroups", true, &w->admins, NULL);

	if (rc == US_OK)
		rc = read_list(w, "onlyMembersOf", false, &w->only, &w->has_only);
	return rc ? rc : read_list(w, "notMembersOf", true, &w->except, NULL);
}

static void keep(struct work *w, const struct candidate *c)
{
	if (w->n == w->cap)
		w->list = us_realloc(w->list, (w->cap = w->cap ? 2 * w->cap : 256) * sizeof *w->list);
	w->list[w->n++] = *c;
}

static enum us_errc judge_all(struct work *w)
{
	const struct us_have_side *have = &w->in->have->users;
	struct us_login_scan scan;
	struct us_login_seen seen;
	uint32_t place = 0;
	enum us_errc rc = us_login_scan_begin(w->in->reader, w->in->directory, &scan, w->err);

	if (rc)
		return rc;
	while ((rc = us_login_scan_next(&scan, &seen, w->err)) == US_OK) {
		if (*w->in->cancel) {
			rc = us_err_set(w->err, US_CANCELLED, "Cancelled while planning");
			break;
		}
		if (place == have->n || have->numbers[place] != seen.user) {
			rc = us_err_set(w->err, US_CONFLICT, "Directory %lld has changed while its users were read: run again", (long long) w->in->directory);
			break;
		}
		bool is_chosen = !(have->flags[place] & US_HAVE_PROTECTED) && (!w->has_only || us_below_has(&w->only, seen.user)) &&
			!us_below_has(&w->except, seen.user);
		struct candidate c = { .place = place, .user = { .number = seen.user, .created = seen.created, .last_login = seen.at,
			.is_owned = have->flags[place] & US_HAVE_OWNED, .is_admin = us_below_has(&w->admins, seen.user), .is_chosen = is_chosen } };
		c.verdict = us_inactive_judge(&w->in->settings, &c.user);
		if (c.verdict == US_INACTIVE_DUE && w->spares_all)
			c.verdict = US_INACTIVE_NOT;
		w->n_admins += c.verdict == US_INACTIVE_ADMIN;
		w->n_unknown += c.verdict == US_INACTIVE_UNKNOWN;
		if (c.verdict == US_INACTIVE_DUE || (c.verdict == US_INACTIVE_ADMIN && w->n_admins <= SAID_MOST) ||
			(c.verdict == US_INACTIVE_UNKNOWN && w->n_unknown <= SAID_MOST))
			keep(w, &c);
		w->counts.have_users += w->in->settings.is_local || c.user.is_owned;
		place++;
		++*w->in->users;
	}
	us_login_scan_end(&scan);
	return rc == US_END ? US_OK : rc;
}

/* ---- what becomes of them ---- */

static enum us_errc load_memberships(struct work *w, struct us_arena *arena, const struct us_member *groups, size_t n,
	struct us_inactive_membership **ret_list)
{
	const struct us_have_side *have = &w->in->have->groups;
	struct us_inactive_membership *list = us_arena_array(arena, n, sizeof *list);

	for (size_t i = 0; i < n; i++) {
		uint32_t place = us_have_place(have, groups[i].number);
		unsigned flags = place == US_MAP_NONE ? 0 : have->flags[place];
		list[i] = (struct us_inactive_membership) { .group = groups[i].number, .owned = groups[i].owned,
			.stays = flags & (US_HAVE_STRIP_EXEMPT | US_HAVE_PROTECTED | US_HAVE_UNMANAGED) };
		struct us_group_image image;
		enum us_errc rc = w->in->settings.predicate
			? us_object_load_group(w->in->reader, arena, w->in->directory, groups[i].number, &image, w->err) : US_OK;
		if (rc)
			return rc;
		if (w->in->settings.predicate)
			list[i].name = image.group.name;
	}
	*ret_list = list;
	return US_OK;
}

static void add_pairs(struct work *w, const struct us_inactive_step *step, uint32_t user)
{
	if (w->n_pairs + step->n_left > w->cap_pairs)
		w->pairs = us_realloc(w->pairs, (w->cap_pairs = 2 * (w->n_pairs + step->n_left) + 64) * sizeof *w->pairs);
	for (uint32_t i = 0; i < step->n_left; i++)
		w->pairs[w->n_pairs++] = (struct pair) { step->left[i], user };
}

static void give(struct work *w, struct us_change *change)
{
	struct us_plan_step step = { .kind = US_STEP_ROW };

	change->ord = w->counts.n_rows++;
	step.change = *change;
	us_rows_add(w->in->rows, &step);
}

/* Somebody else has the name that an anonymous user gets. */
static bool is_name_taken(const struct work *w, const struct candidate *c)
{
	char text[US_FATE_NAME_BYTES];
	uint32_t holder = us_map_find(&w->in->have->users.names, us_fold_hash(us_fate_name(c->user.number, text)));
	return holder != US_MAP_NONE && holder != c->place;
}

static enum us_errc plan_one(struct work *w, struct us_arena *arena, struct candidate *c)
{
	struct us_user_image *image = us_arena_zalloc(arena, sizeof *image);
	const struct us_member *groups = NULL;
	struct us_inactive_membership *memberships;
	struct us_inactive_step step;
	size_t n = 0;
	enum us_errc rc = us_object_load_user(w->in->reader, arena, w->in->directory, c->user.number, image, w->err);

	if (rc)
		return rc;
	if (c->verdict == US_INACTIVE_ADMIN)
		us_messages_add(w->in->messages, "Skipping admin or sysadmin <" US_SLICE_FMT ">", US_SLICE_ARG(image->user.name));
	if (c->verdict == US_INACTIVE_UNKNOWN)
		us_messages_add(w->in->messages,
			"User <" US_SLICE_FMT "> has no lastAuthenticated timestamp and cleanup users without timestamp is disabled. Therefore the user will not be cleaned up.",
			US_SLICE_ARG(image->user.name));
	if (c->verdict != US_INACTIVE_DUE)
		return US_OK;
	rc = us_object_load_groups_of_user(w->in->reader, arena, w->in->directory, c->user.number, &groups, &n, w->err);
	if (rc == US_OK)
		rc = load_memberships(w, arena, groups, n, &memberships);
	if (rc)
		return rc;
	c->user.is_name_taken = is_name_taken(w, c);
	us_inactive_plan(&w->in->settings, arena, &c->user, image, memberships, (uint32_t) n, &step);
	if (step.has_row) {
		give(w, &step.change);
		w->counts.report.users[step.change.outcome]++;
		if (step.change.outcome == US_OUTCOME_FAILED)
			return US_OK;
		w->counts.users_marked += step.change.outcome == US_OUTCOME_UPDATED;
	}
	add_pairs(w, &step, c->user.number);
	return US_OK;
}

static enum us_errc plan_users(struct work *w)
{
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;

	for (size_t i = 0; rc == US_OK && i < w->n; i++) {
		if (*w->in->cancel)
			rc = us_err_set(w->err, US_CANCELLED, "Cancelled while planning");
		else
			rc = plan_one(w, &arena, &w->list[i]);
		if (rc == US_OK && arena.total_bytes > 1 << 20) {
			rc = us_rows_flush(w->in->rows, w->err);
			us_arena_reset(&arena);
		}
	}
	if (rc == US_OK)
		rc = us_rows_flush(w->in->rows, w->err);
	us_arena_fini(&arena);
	return rc;
}

static int by_group(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->group != y->group ? (x->group > y->group) - (x->group < y->group) : (x->user > y->user) - (x->user < y->user);
}

static enum us_errc plan_group(struct work *w, struct us_arena *arena, const struct pair *pairs, uint32_t n)
{
	struct us_group_image group;
	const struct us_member *users, *groups;
	struct us_limit limit = w->in->settings.sync->per_group;
	uint32_t *left = us_arena_array(arena, n, sizeof *left);
	size_t n_users, n_groups;
	int64_t of = 0;
	enum us_errc rc = us_object_load_group(w->in->reader, arena, w->in->directory, pairs->group, &group, w->err);

	if (rc == US_OK)
		rc = us_object_load_members(w->in->reader, arena, w->in->directory, pairs->group, &users, &n_users, &groups, &n_groups, w->err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		left[i] = pairs[i].user;
	for (size_t i = 0; i < n_users; i++)
		of += users[i].owned || w->in->settings.is_local;
	for (size_t i = 0; i < n_groups; i++)
		of += groups[i].owned || w->in->settings.is_local;
	if (of >= limit.floor && n * 100 > of * limit.percent && n > w->counts.worst_group.removed) {
		w->counts.worst_group.removed = n;
		w->counts.worst_group.of = of;
		w->counts.worst_group.number = pairs->group;
	}
	struct us_change change = { .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = pairs->group, .id = group.group.id,
		.name = group.group.name, .reason = US_SLICE("members are inactive"), .members = { .removed_users = left, .n_removed_users = n } };
	give(w, &change);
	w->counts.report.memberships_removed += n;
	return us_rows_flush(w->in->rows, w->err);
}

static enum us_errc plan_memberships(struct work *w)
{
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;

	if (w->n_pairs)
		qsort(w->pairs, w->n_pairs, sizeof *w->pairs, by_group);
	for (size_t from = 0, to; rc == US_OK && from < w->n_pairs; from = to) {
		for (to = from + 1; to < w->n_pairs && w->pairs[to].group == w->pairs[from].group; to++)
			;
		us_arena_reset(&arena);
		rc = plan_group(w, &arena, w->pairs + from, (uint32_t) (to - from));
	}
	us_arena_fini(&arena);
	return rc;
}

/* ---- the whole ---- */

static void count(struct work *w)
{
	struct us_plan_counts *c = &w->counts;
	const struct us_have *have = w->in->have;
	int64_t rows = 0;

	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		rows += c->report.users[i];
	c->report.users[US_OUTCOME_NOT_MODIFIED] = have->users.n - rows;
	c->report.groups[US_OUTCOME_NOT_MODIFIED] = have->groups.n;
	c->report.memberships_not_modified = have->n_memberships - c->report.memberships_removed;
	for (uint32_t i = 0; i < have->groups.n; i++)
		c->have_groups += w->in->settings.is_local || have->groups.flags[i] & US_HAVE_OWNED;
	c->have_memberships = have->n_memberships;
	/* The directory itself is what was listed, and all of it. */
	c->listed_users = c->have_users;
	c->listed_groups = c->have_groups;
	c->users_cleaned = c->report.users[US_OUTCOME_DISABLED] + c->report.users[US_OUTCOME_DELETED] + c->report.users[US_OUTCOME_ANONYMIZED] +
		c->users_marked;
	c->users_removed = c->users_cleaned;
}

static void say_more(struct work *w)
{
	if (w->n_admins > SAID_MOST)
		us_messages_add(w->in->messages, "%lld more admins are skipped.", (long long) w->n_admins - SAID_MOST);
	if (w->n_unknown > SAID_MOST)
		us_messages_add(w->in->messages, "%lld more users have no lastAuthenticated timestamp and will not be cleaned up.",
			(long long) w->n_unknown - SAID_MOST);
}

enum us_errc us_inactive_plan_all(const struct us_inactive *in, struct us_plan_counts *ret_counts, struct us_err *err)
{
	struct work w = { .in = in, .err = err };
	enum us_errc rc = read_lists(&w);

	if (rc == US_OK)
		rc = judge_all(&w);
	if (rc == US_OK)
		rc = plan_users(&w);
	if (rc == US_OK)
		rc = plan_memberships(&w);
	if (rc == US_OK) {
		count(&w);
		say_more(&w);
		*ret_counts = w.counts;
	}
	us_map_fini(&w.admins);
	us_map_fini(&w.only);
	us_map_fini(&w.except);
	free(w.list);
	free(w.pairs);
	return rc;
}
