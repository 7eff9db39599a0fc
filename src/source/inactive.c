#include "source/inactive.h"

#include <stdlib.h>

static const struct us_option options[] = {
	{ .name = "directory", .type = US_OPTION_STRING, .title = "Directory", .required = true, .max = 1000, .scope = true,
		.help = "Where it looks for inactive users: the name or uniqueId of the connector whose directory it is, or the number of a directory." },
	{ .name = "days", .type = US_OPTION_INT, .title = "Days without login", .required = true, .min = 1, .max = 36500, .scope = true,
		.help = "A user whose last known login is so many days ago is inactive." },
	{ .name = "neverLoggedIn", .type = US_OPTION_BOOL, .title = "Users who never logged in", .fallback = "false", .scope = true,
		.help = "Users of whom no login is known count as well, from the day on which the directory got them." },
	{ .name = "onlyMembersOf", .type = US_OPTION_PATTERNS, .title = "Only members of", .scope = true,
		.help = "Only users in one of these groups of the directory, directly or through others." },
	{ .name = "notMembersOf", .type = US_OPTION_PATTERNS, .title = "Not members of", .scope = true,
		.help = "No user in one of these groups, directly or through others." },
	{ .name = "adminGroups", .type = US_OPTION_PATTERNS, .title = "Admin groups", .scope = true,
		.help = "Members of these groups, directly or through others, are admins: they are skipped, and each run says so." },
	{ .name = NULL },
};

static const struct us_listing no_listings[1];

static enum us_errc open_nothing(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	struct us_source *source = us_calloc(1, sizeof *source);

	(void) conf, (void) cancel, (void) err;
	source->ops = &us_source_inactive;
	*ret_source = source;
	return US_OK;
}

static void close_nothing(struct us_source *source) { free(source); }

static enum us_errc test_nothing(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	(void) source, (void) err;
	us_str_add_text(notes, "There is no source to connect to: a simulation shows who would be cleaned up.");
	return US_OK;
}

static const struct us_listing *listings_none(struct us_source *source, size_t *ret_n)
{
	(void) source;
	*ret_n = 0;
	return no_listings;
}

static enum us_errc refuse(struct us_err *err)
{
	return us_err_set(err, US_CONFIG, "a connector of type inactive reads no source: it works on the users of a directory");
}

static enum us_errc fetch_nothing(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	(void) source, (void) listing, (void) cursor, (void) arena, (void) ret_page;
	return refuse(err);
}

static enum us_errc find_nothing(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	(void) source, (void) key, (void) is_id, (void) arena, (void) ret_page;
	return refuse(err);
}

const struct us_source_ops us_source_inactive = {
	.type = { .name = "inactive", .title = "Cleanup Inactive Users", .options = options, .directory_option = "directory",
		.help = "No identity provider: cleans up users of an existing directory who have not logged in for long." },
	.open = open_nothing,
	.close = close_nothing,
	.test = test_nothing,
	.listings = listings_none,
	.fetch = fetch_nothing,
	.find = find_nothing,
};
