/* Option schema: describes the settings of a connector type. Validation, --help, the OpenAPI document and the page are made from it, so that
 * a setting is described in one place.
 */
#ifndef US_MODEL_OPTION_H
#define US_MODEL_OPTION_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum us_option_type {
	US_OPTION_STRING,
	US_OPTION_TEXT,    /* several lines (a PEM certificate) */
	US_OPTION_URL,     /* one of the schemes in choices */
	US_OPTION_INT,     /* min … max */
	US_OPTION_BOOL,
	US_OPTION_CHOICE,  /* one of choices */
	US_OPTION_STRINGS, /* array of strings; a single string is taken as an array of one; with choices: of URLs with these schemes */
	US_OPTION_PATTERNS, /* the same, of names, wildcards and regular expressions (model/pattern.h) */
	US_OPTION_OBJECT,  /* with members of its own; without, checked by whoever owns it (limits) */
	US_OPTION_ARRAY,   /* of objects with members; checked by whoever owns it (mapping) */
	US_OPTION_ANY,     /* in rows of an ARRAY: help says what */
};

struct us_option {
	const char *name;     /* camelCase, the member of `configuration` */
	enum us_option_type type;
	const char *title;    /* label: "Application ID" */
	const char *help;     /* one sentence; units if a number */
	const char *fallback; /* default as text; NULL: none */
	const char *choices;  /* "a|b|c"; for URL and STRINGS the schemes */
	int64_t min, max;     /* INT: bounds; STRING, TEXT: max bytes if not 0; STRING: min bytes */
	bool required;
	bool secret;          /* sealed at rest, shown as "***" */
	const struct us_option *members; /* OBJECT: what is in it; NULL: its owner knows; ARRAY: what is in a row, for people and programs to read */
	bool scope;           /* decides who is read: a change holds the next plan that would clean up anybody (invariant G) */
	bool takes_bool;      /* CHOICE: false and true stand for the first and the second, as when the setting was a BOOL */
	bool is_common;       /* of a type's own one: it has the values of the common one of the same name, and more; otherwise it hides that one */
	bool of_source;       /* of a common one: says something about a source; a type that works on the directory of another has none */
};

/* Shown instead of a secret; given back, it stands for the stored one. */
#define US_OPTION_HIDDEN "***"

struct us_preset;

/* A connector type as the layers above see it. name is NULL at the end of a list. */
struct us_type {
	const char *name;  /* "ldap" */
	const char *title; /* "LDAP / Active Directory" */
	const char *help;
	const struct us_option *options; /* ends with name NULL */
	const char *directory_option;    /* the setting that names the directory it works on; NULL: it has one of its own */
	const struct us_preset *preset;  /* default mapping (model/mapping.h); NULL: the generic one */
	bool has_feed;                   /* can say what has changed: delta syncs */
	bool authenticates;              /* can tell whether a password is a user's */
};

const struct us_type *us_type_find(const struct us_type *types, struct us_slice name);

/* One complaint about one field. */
struct us_problem {
	struct us_problem *next;
	const char *field;  /* "limits.users.percent" */
	const char *reason; /* what is wrong and what would be right */
};

/* Append a problem; arena owns the text. */
void us_problem_add(struct us_arena *arena, struct us_problem **list, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Checks configuration (an object) against one or two schemas (the type's own and the common one; either may be NULL).
 * Unknown members, wrong types, bounds, missing required ones: all are reported, in the order of the schema. */
void us_option_check(struct us_arena *arena, const struct us_option *a, const struct us_option *b,
	const struct us_json *configuration, struct us_problem **list);
/* A secret given as US_OPTION_HIDDEN needs one in stored (as it is shown; NULL: nothing is stored yet). */
void us_option_check_hidden(struct us_arena *arena, const struct us_option *options, const struct us_json *configuration,
	const struct us_json *stored, struct us_problem **list);

/* Reading with defaults, after a check. A configuration that was checked cannot fail here. */
struct us_conf {
	const struct us_option *options;
	const struct us_json *doc; /* secrets in the clear: wiped with its arena by its owner */
};

struct us_slice us_conf_string(const struct us_conf *conf, const char *name); /* NONE if unset without default */
int64_t us_conf_int(const struct us_conf *conf, const char *name);
bool us_conf_bool(const struct us_conf *conf, const char *name);
/* Values of a STRINGS option; fallback is split at '|'. */
size_t us_conf_strings(const struct us_conf *conf, const char *name, struct us_arena *arena, const struct us_slice **ret_values);
const struct us_json *us_conf_value(const struct us_conf *conf, const char *name); /* NULL if unset */

#endif
