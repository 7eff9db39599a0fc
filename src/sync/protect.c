#include "sync/protect.h"

#include "sync/below.h"

/* From the groups down. */
static enum us_errc walk_down(struct us_dbc *c, int64_t directory, struct us_have *have, struct us_err *err)
{
	struct us_map groups = US_MAP_INIT, users = US_MAP_INIT;

	for (uint32_t i = 0; i < have->groups.n; i++)
		if (have->groups.flags[i] & US_HAVE_PROTECTS)
			us_below_add(&groups, have->groups.numbers[i]);
	enum us_errc rc = us_below_users(c, directory, &groups, &users, err);
	for (uint32_t i = 0; rc == US_OK && users.n && i < have->users.n; i++)
		if (us_below_has(&users, have->users.numbers[i]))
			have->users.flags[i] |= US_HAVE_PROTECTED;
	us_map_fini(&groups);
	us_map_fini(&users);
	return rc;
}

/* From one user up. */
static enum us_errc walk_up(struct us_dbc *c, int64_t directory, const struct us_rules *rules, uint32_t user,
	bool *ret_is, struct us_err *err)
{
	struct us_map groups = US_MAP_INIT;
	struct us_arena arena = US_ARENA_INIT;
	const struct us_member *above;
	size_t n;
	enum us_errc rc = us_object_load_groups_of_user(c, &arena, directory, user, &above, &n, err);

	*ret_is = false;
	for (size_t i = 0; rc == US_OK && i < n; i++)
		us_below_add(&groups, above[i].number);
	for (uint32_t at = 0; rc == US_OK && !*ret_is && at < groups.n; at++) {
		uint32_t number = (uint32_t) groups.keys[at].lo;
		struct us_group_image image = { 0 };
		us_arena_reset(&arena);
		rc = us_object_load_group(c, &arena, directory, number, &image, err);
		if (rc == US_OK) {
			*ret_is = us_rules_group_flags(rules, image.group.name) & US_HAVE_PROTECTS;
			rc = us_object_load_groups_of_group(c, &arena, directory, number, &above, &n, err);
		}
		for (size_t i = 0; rc == US_OK && i < n; i++)
			us_below_add(&groups, above[i].number);
	}
	us_map_fini(&groups);
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
