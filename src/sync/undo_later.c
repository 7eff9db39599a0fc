#include "sync/undo_later.h"

enum us_errc us_later_find_object(const struct us_later *later, struct us_arena *arena, enum us_object object, uint32_t number, int64_t *ret_run,
	struct us_err *err)
{
	struct us_touched *list;
	size_t n;
	enum us_errc rc = us_run_list_touching(later->reader, arena, later->directory, object, number, later->writer, 1, &list, &n, err);

	if (rc == US_OK)
		*ret_run = n ? list[0].run : US_LATER_UNKNOWN;
	return rc;
}

enum us_errc us_later_load_members(const struct us_later *later, struct us_arena *arena, uint32_t group, struct us_later_members *ret_members,
	struct us_err *err)
{
	return us_run_list_touching(later->reader, arena, later->directory, US_OBJECT_MEMBERS, group, later->writer, SIZE_MAX, &ret_members->list,
		&ret_members->n, err);
}

static void mark(const uint32_t *changed, uint32_t n_changed, int64_t run, const uint32_t *numbers, uint32_t n, int64_t *runs)
{
	for (uint32_t i = 0; i < n_changed; i++) {
		uint32_t low = 0, high = n;
		while (low < high) {
			uint32_t mid = low + (high - low) / 2;
			if (numbers[mid] < changed[i])
				low = mid + 1;
			else
				high = mid;
		}
		if (low < n && numbers[low] == changed[i] && runs[low] == US_LATER_NONE)
			runs[low] = run;
	}
}

void us_later_mark_members(const struct us_later_members *members, bool is_group, const uint32_t *numbers, uint32_t n, int64_t *ret_runs)
{
	for (uint32_t i = 0; i < n; i++)
		ret_runs[i] = US_LATER_NONE;
	/* Newest first: the first that marks a member is the last that changed it. */
	for (size_t i = 0; i < members->n; i++) {
		const struct us_members_delta *d = &members->list[i].change.members;
		int64_t run = members->list[i].run;
		mark(is_group ? d->added_groups : d->added_users, is_group ? d->n_added_groups : d->n_added_users, run, numbers, n, ret_runs);
		mark(is_group ? d->removed_groups : d->removed_users, is_group ? d->n_removed_groups : d->n_removed_users, run, numbers, n, ret_runs);
	}
}

const char *us_later_text(struct us_arena *arena, const char *what, int64_t run)
{
	return run > 0 ? us_arena_printf(arena, "%s by run %lld", what, (long long) run)
	               : us_arena_printf(arena, "%s by a run whose results are no longer kept", what);
}
