/* Mapping row: how one attribute gets its values. Read and checked in one place, so that what is accepted can be used. */
#ifndef US_MODEL_MAPPING_ROW_H
#define US_MODEL_MAPPING_ROW_H

#include "model/option.h"
#include "model/template.h"
#include "model/transform.h"

enum us_mapping_target {
	US_TARGET_USERNAME,
	US_TARGET_FULL_NAME,
	US_TARGET_FIRST_NAME,
	US_TARGET_LAST_NAME,
	US_TARGET_EMAIL,
	US_TARGET_ACTIVE,
	US_TARGET_GROUPS, /* names of groups that the user is in */
	US_TARGET_OTHER,  /* a further attribute */
	US_TARGET_GROUP_NAME,
	US_TARGET_GROUP_DESCRIPTION,
};
const char *us_mapping_target_name(enum us_mapping_target target); /* NULL for OTHER */
/* The name of a user's (or group's) own attribute that this is, whatever the case of its letters; NULL: it is none. */
const char *us_mapping_target_like(struct us_slice attribute, bool is_group);

/* What becomes of a value that no rule of a regex or table matches. */
enum us_no_match { US_NO_MATCH_UNTRANSFORMED, US_NO_MATCH_IGNORE, US_NO_MATCH_CLEAR, US_NO_MATCH_FILTER };

enum { US_MAPPING_ROW_MAX_STEPS = 50, US_MAPPING_ROW_MAX_PATHS = 50 };

/* The members of a row, for the schema of settings. */
extern const struct us_option us_mapping_row_options[];

struct us_mapping_row {
	struct us_slice attribute;
	enum us_mapping_target target;
	bool is_configured; /* not of the preset */
	struct us_path *paths;
	size_t n_paths;
	struct us_template *templates;
	size_t n_templates;
	struct us_slice source; /* of the script; NONE: it has none */
	int chunk;
	struct us_slice value;  /* constant: taken when nothing else gives a value */
	struct us_transform **transforms;
	size_t n_transforms;
	enum us_no_match no_match;
	bool is_matching;       /* one of its transforms is */
};

/* Reads `json` into *ret_row; is_group: of groupMapping. false: there were problems, named by `at`; nothing is to be freed. */
bool us_mapping_row_read(struct us_arena *arena, const struct us_json *json, bool is_group, const char *at, struct us_script *script,
	struct us_mapping_row *ret_row, struct us_problem **problems);
/* A row of a preset: paths with | between. */
void us_mapping_row_preset(struct us_arena *arena, const char *attribute, bool is_group, const char *paths, struct us_mapping_row *ret_row);
void us_mapping_row_fini(struct us_mapping_row *row);

/* Whether one of its scripts speaks of the existing user. */
bool us_mapping_row_asks_existing(const struct us_mapping_row *row);

#endif
