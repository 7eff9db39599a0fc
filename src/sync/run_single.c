#include "sync/run_state.h"

#include "store/object.h"
#include "sync/protect.h"
#include "sync/run.h"

/* Asks by name; if the IdP does not know that name, by the id of the user that the directory has under it. */
static enum us_errc find_single(struct us_act *a, struct us_page *ret_page)
{
	struct us_user_image image;
	uint32_t number;
	enum us_errc rc = a->ops->find(a->source, a->run.key, false, &a->arena, ret_page, a->err);

	if (rc != US_NOT_FOUND)
		return rc;
	rc = us_object_find_user(a->reader, &a->arena, a->run.directory, a->run.key, &number, &image, NULL);
	if (rc == US_NOT_FOUND)
		return us_err_set(a->err, US_NOT_FOUND, "User <" US_SLICE_FMT "> " US_SYNC_UNKNOWN_USER, US_SLICE_ARG(a->run.key));
	if (rc)
		return us_err_set(a->err, rc, "cannot read the directory");
	if (!image.owned || !image.user.id.n) {
		us_messages_add(&a->messages, "User <" US_SLICE_FMT "> is local; it is not changed.", US_SLICE_ARG(a->run.key));
		return US_END;
	}
	rc = a->ops->find(a->source, image.user.id, true, &a->arena, ret_page, a->err);
	if (rc != US_NOT_FOUND)
		return rc;
	us_messages_add(&a->messages,
		"User <" US_SLICE_FMT "> is no longer at the identity provider; a single update cleans nobody up, a full sync will.",
		US_SLICE_ARG(a->run.key));
	a->counts.report.users[US_OUTCOME_NOT_MODIFIED]++;
	return US_END;
}

static struct us_slice *more_room(struct us_arena *arena, const struct us_slice *list, size_t n, size_t more)
{
	struct us_slice *out = us_arena_array(arena, n + more, sizeof *out);

	if (n)
		memcpy(out, list, n * sizeof *out);
	return out;
}

/* Ids and, once the directory's side of those ids is known (want->have), names. */
static enum us_errc collect_keys(const struct us_want *want, bool with_names, struct us_arena *arena, const struct us_page *page,
	const struct us_sync_settings *settings, struct us_object_keys *ret, struct us_err *err)
{
	struct us_slice *user_ids = us_arena_array(arena, page->n, sizeof *user_ids),
					*user_names = us_arena_array(arena, page->n, sizeof *user_ids);
	struct us_slice *group_ids = us_arena_array(arena, page->n, sizeof *user_ids),
					*group_names = us_arena_array(arena, page->n + settings->n_assigned, sizeof *user_ids);
	struct us_slice reason;

	*ret = (struct us_object_keys) {
		.user_ids = user_ids, .user_names = user_names, .group_ids = group_ids, .group_names = group_names
	};
	for (size_t i = 0; i < settings->n_assigned; i++)
		group_names[ret->n_group_names++] = settings->assigned[i];
	for (size_t i = 0; i < page->n; i++) {
		struct us_mapped mapped;
		struct us_group g;
		const struct us_record *r = &page->records[i];
		if (r->kind == US_RECORD_USER) {
			user_ids[ret->n_user_ids++] = r->id;
			enum us_errc rc = with_names ? us_want_map(want, arena, r, &mapped, err) : US_OK;
			if (rc)
				return rc;
			if (!with_names || mapped.kind != US_MAPPED_WANTED)
				continue;
			user_names[ret->n_user_names++] = mapped.user.name;
			/* The page has one user, mostly; one more with groups of an attribute needs more room. */
			group_ids = more_room(arena, group_ids, ret->n_group_ids, mapped.n_groups + page->n);
			group_names = more_room(arena, group_names, ret->n_group_names, mapped.n_groups + page->n);
			ret->group_ids = group_ids;
			ret->group_names = group_names;
			for (size_t k = 0; k < mapped.n_groups; k++) {
				group_ids[ret->n_group_ids++] = us_mapping_group_id(arena, mapped.groups[k]);
				group_names[ret->n_group_names++] = mapped.groups[k];
			}
		} else if (r->kind == US_RECORD_GROUP) {
			group_ids[ret->n_group_ids++] = r->id;
			if (us_mapping_group(want->mapping, r, arena, &g, &reason))
				group_names[ret->n_group_names++] = g.name;
		}
	}
	return US_OK;
}

enum us_errc us_run_plan_single(struct us_act *a)
{
	struct us_page page = { 0 };
	struct us_object_keys keys;
	enum us_errc rc;

	us_run_enter(a, US_SYNC_READ);
	rc = us_run_open_source(a);
	if (rc)
		return rc;
	rc = find_single(a, &page);
	if (rc)
		return rc == US_END ? US_OK : rc;
	struct us_want want = us_run_want(a);
	rc = collect_keys(&want, false, &a->arena, &page, &a->settings, &keys, a->err);
	if (rc == US_OK)
		rc = us_object_load_have_some(a->reader, a->run.directory, &keys, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = collect_keys(&want, true, &a->arena, &page, &a->settings, &keys, a->err);
	us_have_fini(&a->have);
	if (rc == US_OK)
		rc = us_object_load_have_some(a->reader, a->run.directory, &keys, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = us_protect_members(a->reader, a->run.directory, a->rules, true, &a->have, a->err);
	if (rc)
		return rc;
	us_run_open_plan(a);
	want.plan = a->plan;
	rc = us_want_page(&want, &a->arena, &page, a->err);
	if (rc)
		return rc;
	struct us_plan_complete nothing = { 0 };
	return us_run_finish_plan(a, &want, &nothing);
}
