#include "base/map.h"
#include "store/object.h"
#include "store/row.h"

static bool is_new_group(struct us_map *seen, uint32_t number)
{
	bool is_new;

	us_map_put(seen, us_hash(&number, sizeof number), &is_new);
	return is_new;
}

enum us_errc us_object_load_nesting(struct us_dbc *c, struct us_arena *arena, int64_t directory, const struct us_member *groups, size_t n_groups,
	size_t most, struct us_nested **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_map seen = US_MAP_INIT;
	struct us_nested *list = NULL;
	size_t n = 0, cap = 0;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < n_groups; i++)
		is_new_group(&seen, groups[i].number);
	/* The list is its own queue: each group enters it once, so circles end. */
	for (size_t i = 0; i < n_groups + n && n < most && !rc; i++) {
		uint32_t child = i < n_groups ? groups[i].number : list[i - n_groups].number;
		const struct us_member *parents;
		size_t n_parents;
		rc = us_object_load_groups_of_group(c, arena, directory, child, &parents, &n_parents, err);
		for (size_t k = 0; k < n_parents && n < most && !rc; k++) {
			if (!is_new_group(&seen, parents[k].number))
				continue;
			list = us_row_grow(arena, list, n, &cap, sizeof *list);
			list[n++] = (struct us_nested) { parents[k].number, child };
		}
	}
	us_map_fini(&seen);
	if (rc)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_object_has_nesting(struct us_dbc *c, int64_t directory, bool *ret_has, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM subgroup WHERE directory = ?1 LIMIT 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	if (rc && rc != US_END)
		return rc;
	*ret_has = rc == US_OK;
	return US_OK;
}
