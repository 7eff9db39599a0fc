/* The settings that every connector has beside those of its source: mapping, cleanup, limits. */
#ifndef US_MODEL_SYNC_OPTIONS_H
#define US_MODEL_SYNC_OPTIONS_H

#include "model/option.h"

/* Ends with name NULL. */
extern const struct us_option us_sync_options[];

/* What becomes of users that the source no longer has. STAGED: by the stages, each after so many days. */
enum us_cleanup {
	US_CLEANUP_DISABLE,
	US_CLEANUP_DELETE,
	US_CLEANUP_ANONYMIZE,
	US_CLEANUP_KEEP,
	US_CLEANUP_STAGED
};

enum us_stage_action { US_STAGE_DISABLE, US_STAGE_STRIP, US_STAGE_ANONYMIZE, US_STAGE_DELETE };
bool us_stage_action_parse(struct us_slice word, enum us_stage_action *ret_action);
enum { US_STAGES_MAX = 8, US_STAGE_MAX_DAYS = 36500 };

struct us_stage {
	int64_t after_days; /* since the first run that missed the user */
	enum us_stage_action action;
};

enum { US_ASSIGNED_MAX = 100 };

/* Whether users that the directory does not have are created. */
enum us_create { US_CREATE_ALWAYS, US_CREATE_SINGLE, US_CREATE_NEVER };

/* One limit of the guard: a plan goes beyond it with more than `floor` objects that are also more than `percent` of what is there. */
struct us_limit {
	int64_t floor;
	int64_t percent; /* 0 … 100; 100 switches the limit off */
};

struct us_sync_settings {
	enum us_cleanup cleanup;               /* users that the source no longer has */
	struct us_stage stages[US_STAGES_MAX]; /* of STAGED, in ascending order of their days */
	size_t n_stages;
	bool strips; /* cleanup takes users out of their groups, those cleaned up earlier too */
	enum us_create create;
	bool flattens_groups, drops_empty_groups;
	struct us_slice
		assigned[US_ASSIGNED_MAX]; /* groups that every user is put into; borrowed from the configuration */
	size_t n_assigned;
	bool keeps_active;   /* the source does not decide whether a user is active */
	bool delete_groups;  /* groups that the source no longer has; else they stay as they are */
	bool all_or_nothing; /* an incomplete read changes nothing at all */
	struct us_limit users, groups, memberships;
	struct us_limit disabled, deleted, anonymized; /* parts of users; off unless set */
	struct us_limit renamed;       /* as users unless set */
	struct us_limit per_group;     /* memberships that one group of at least `floor` members may lose */
	int64_t held_expiry_s;         /* how long a held plan can be approved; 0: for ever */
	bool holds_cleanup_only;       /* a plan beyond a limit is written but for what it takes away */
	int64_t shrink_percent;        /* a listing shorter by more than this than what is there never cleans up unasked */
};

/* Reads a configuration that was checked. defaults: the server's limits, onLimit and heldExpiry, for what it has none of its own; may be NULL. */
void us_sync_settings_read(const struct us_json *configuration, const struct us_json *defaults, struct us_sync_settings *ret_settings);
/* Those of defaults that the configuration takes over, of the same form. */
void us_sync_settings_write_inherited(struct us_jsonw *w, const struct us_json *configuration, const struct us_json *defaults);
/* The configuration without what is the source's own: a setting of its type hides the common one of the same name (groupFilter of ldap),
 * unless that is is_common (nestedGroups of keycloak). Borrows from configuration. */
const struct us_json *us_sync_settings_common(struct us_arena *arena, const struct us_option *type_options, const struct us_json *configuration);
/* Everything that us_option_check cannot see: the insides of limits and mapping. type: whose presets the mapping extends. */
void us_sync_settings_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list);
/* Whether a type has this one of us_sync_options: not if it has one of the same name itself, or has no source that it could be about. */
bool us_sync_settings_has(const struct us_type *type, const struct us_option *common);
/* What the type cannot do with the common settings that are set. */
void us_sync_settings_check_type(struct us_arena *arena, const struct us_type *type, const struct us_json *configuration, struct us_problem **list);
/* The settings that decide who is read and how they are told apart, as canonical JSON: those marked `scope` in either schema. */
void us_sync_settings_scope(const struct us_option *type_options, const struct us_json *configuration, struct us_str *out);

#endif
