#include "sync/protect.h"

/* Numbers that were met, each once, in the order in which they were. */
struct found {
	struct us_map map;
	uint32_t at;
};

static void meet(struct found *f, uint32_t number)
{
	us_map_put(&f->map, (struct us_hash) { number, 1 }, NULL);
}

static bool next(struct found *f, uint32_t *ret_number)
{
	if (f->at == f->map.n)
		return false;
	*ret_number = (uint32_t)f->map.keys[f->at++].lo;
	return true;
}

static bool is_met(const struct found *f, uint32_t number)
{
	return us_map_find(&f->map, (struct us_hash) { number, 1 }) != US_MAP_NONE;
}

/* From the groups down. */
static enum us_errc walk_down(struct us_dbc *c, int64_t directory, struct us_have *have, struct us_err *err)
{
	struct found groups = { 0 }, users = { 0 };
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;
	uint32_t number;

	for (uint32_t i = 0; i < have->groups.n; i++)
		if (have->groups.flags[i] & US_HAVE_PROTECTS)
			meet(&groups, have->groups.numbers[i]);
	while (rc == US_OK && next(&groups, &number)) {
		const struct us_member *u, *g;
		size_t n_u, n_g;
		us_arena_reset(&arena);
		rc = us_object_load_members(c, &arena, directory, number, &u, &n_u, &g, &n_g, err);
		for (size_t i = 0; rc == US_OK && i < n_u; i++)
			meet(&users, u[i].number);
		for (size_t i = 0; rc == US_OK && i < n_g; i++)
			meet(&groups, g[i].number);
	}
	for (uint32_t i = 0; rc == US_OK && users.map.n && i < have->users.n; i++)
		if (is_met(&users, have->users.numbers[i]))
			have->users.flags[i] |= US_HAVE_PROTECTED;
	us_map_fini(&groups.map);
	us_map_fini(&users.map);
	us_arena_fini(&arena);
	return rc;
}

/* From one user up. */
static enum us_errc walk_up(struct us_dbc *c, int64_t directory, const struct us_rules *rules, uint32_t user,
	bool *ret_is, struct us_err *err)
{
	struct found groups = { 0 };
	struct us_arena arena = US_ARENA_INIT;
	const struct us_member *above;
	size_t n;
	uint32_t number;
	enum us_errc rc = us_object_load_groups_of_user(c, &arena, directory, user, &above, &n, err);

	*ret_is = false;
	for (size_t i = 0; rc == US_OK && i < n; i++)
		meet(&groups, above[i].number);
	while (rc == US_OK && !*ret_is && next(&groups, &number)) {
		struct us_group_image image;
		us_arena_reset(&arena);
		rc = us_object_load_group(c, &arena, directory, number, &image, err);
		if (rc == US_OK)
			*ret_is = us_rules_group_flags(rules, image.group.name) & US_HAVE_PROTECTS;
		if (rc == US_OK)
			rc = us_object_load_groups_of_group(c, &arena, directory, number, &above, &n, err);
		for (size_t i = 0; rc == US_OK && i < n; i++)
			meet(&groups, above[i].number);
	}
	us_map_fini(&groups.map);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_protect_members(struct us_dbc *c, int64_t directory, const struct us_rules *rules,
	bool is_some, struct us_have *have, struct us_err *err)
{
	enum us_errc rc = US_OK;

	if (us_patterns_is_empty(rules->protecting_groups))
		return US_OK;
	if (!is_some)
		return walk_down(c, directory, have, err);
	for (uint32_t i = 0; rc == US_OK && i < have->users.n; i++) {
		bool is;
		rc = walk_up(c, directory, rules, have->users.numbers[i], &is, err);
		if (rc == US_OK && is)
			have->users.flags[i] |= US_HAVE_PROTECTED;
	}
	return rc;
}
