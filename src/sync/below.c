#include "sync/below.h"

#include "store/object.h"

static struct us_hash key(uint32_t number) { return (struct us_hash) { number, 1 }; }

void us_below_add(struct us_map *set, uint32_t number) { us_map_put(set, key(number), NULL); }

bool us_below_has(const struct us_map *set, uint32_t number) { return us_map_find(set, key(number)) != US_MAP_NONE; }

enum us_errc us_below_users(struct us_dbc *c, int64_t directory, struct us_map *groups, struct us_map *users, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;

	/* The keys are in the order in which they came, and each comes once: the set is the queue. */
	for (uint32_t at = 0; rc == US_OK && at < groups->n; at++) {
		const struct us_member *u, *g;
		size_t n_u, n_g;
		us_arena_reset(&arena);
		rc = us_object_load_members(c, &arena, directory, (uint32_t) groups->keys[at].lo, &u, &n_u, &g, &n_g, err);
		for (size_t i = 0; rc == US_OK && i < n_u; i++)
			us_below_add(users, u[i].number);
		for (size_t i = 0; rc == US_OK && i < n_g; i++)
			us_below_add(groups, g[i].number);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_below_find_groups(struct us_dbc *c, int64_t directory, struct us_patterns *names, bool doubt, struct us_map *groups,
	struct us_err *err)
{
	enum { PAGE = 1000 };
	struct us_arena arenas[2] = { US_ARENA_INIT, US_ARENA_INIT }; /* the cursor is a name of the page before */
	struct us_slice after = US_SLICE_NONE;
	enum us_errc rc = US_OK;

	for (size_t n = PAGE, page = 0; !us_patterns_is_empty(names) && rc == US_OK && n == PAGE; page++) {
		struct us_listed *list;
		us_arena_reset(&arenas[page % 2]);
		rc = us_object_list_groups(c, &arenas[page % 2], directory, after, US_SLICE_NONE, PAGE, &list, &n, err);
		for (size_t i = 0; rc == US_OK && i < n; i++)
			if (us_patterns_mark(names, list[i].group.group.name) || us_patterns_match(names, list[i].group.group.name, doubt))
				us_below_add(groups, list[i].number);
		if (rc == US_OK && n)
			after = list[n - 1].fold;
	}
	us_arena_fini(&arenas[0]);
	us_arena_fini(&arenas[1]);
	return rc;
}

enum us_errc us_below_named(struct us_dbc *c, int64_t directory, struct us_patterns *names, bool doubt, struct us_map *users, struct us_err *err)
{
	struct us_map groups = US_MAP_INIT;
	enum us_errc rc = us_below_find_groups(c, directory, names, doubt, &groups, err);

	if (rc == US_OK)
		rc = us_below_users(c, directory, &groups, users, err);
	us_map_fini(&groups);
	return rc;
}
