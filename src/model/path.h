/* Path: what names a value in a record.
 *
 *     mail                            a field: an LDAP attribute, a column
 *     profile.login                   members inside members
 *     emails.value                    all values of a list
 *     emails[type eq "work"].value    of a list, only the elements that fit: eq, ne, co, sw, ew, without case
 *     emails[0].value                 the first element
 *
 * Names compare as ASCII without case. A field that is called exactly like the whole text wins, so a column "Phone [home]" is one. Text in brackets
 * that is neither a number nor has a quote is part of a name. Brackets look into the record's JSON; a record without any has only fields.
 */
#ifndef US_MODEL_PATH_H
#define US_MODEL_PATH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/record.h"

enum { US_PATH_MAX_BYTES = 500, US_PATH_MAX_PARTS = 16, US_PATH_MAX_VALUES = 1000 };

struct us_path_part;
struct us_path {
	struct us_slice text;
	const struct us_path_part *parts; /* NULL: a field's name and nothing else */
	size_t n_parts;
	size_t hint;                      /* where the field was in the last record */
	bool is_asked, is_found;          /* for some record so far */
};

/* Everything lives in arena. Errors: US_CONFIG. */
enum us_errc us_path_parse(struct us_arena *arena, struct us_slice text, struct us_path *ret_path, struct us_err *err);

/* A record while paths are looked up in it; its JSON is parsed once, when the first path needs it. */
struct us_path_record {
	const struct us_record *record;
	struct us_arena *arena;
	const struct us_json *doc;
	bool is_parsed;
};

/* false: nothing there, or its first value is empty. Values borrow from the record or its arena. */
bool us_path_find(struct us_path *path, struct us_path_record *record, const struct us_slice **ret_values, size_t *ret_n);

#endif
