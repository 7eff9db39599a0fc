/* The settings that every connector has beside those of its source: mapping, cleanup, limits. */
#ifndef US_MODEL_SYNC_OPTIONS_H
#define US_MODEL_SYNC_OPTIONS_H

#include "model/option.h"

/* Ends with name NULL. */
extern const struct us_option us_sync_options[];

enum us_cleanup { US_CLEANUP_DISABLE, US_CLEANUP_DELETE, US_CLEANUP_KEEP };

/* One limit of the guard: a plan goes beyond it with more than `floor` objects that are also more than `percent` of what is there. */
struct us_limit {
	int64_t floor;
	int64_t percent; /* 0 … 100; 100 switches the limit off */
};

struct us_sync_settings {
	enum us_cleanup cleanup;       /* users that the source no longer has */
	bool delete_groups;            /* groups that the source no longer has; else they stay as they are */
	bool all_or_nothing;           /* an incomplete read changes nothing at all */
	struct us_limit users, groups, memberships;
	int64_t shrink_percent;        /* a listing shorter by more than this than what is there never cleans up unasked */
};

/* Reads a configuration that was checked. */
void us_sync_settings_read(const struct us_json *configuration, struct us_sync_settings *ret_settings);
/* Everything that us_option_check cannot see: the insides of limits and mapping. type: whose presets the mapping extends. */
void us_sync_settings_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list);
/* The settings that decide who is read and how they are told apart, as canonical JSON: those marked `scope` in either schema. */
void us_sync_settings_scope(const struct us_option *type_options, const struct us_json *configuration, struct us_str *out);

#endif
