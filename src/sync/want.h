/* Want: reads a source, maps each record, and feeds the plan. */
#ifndef US_SYNC_WANT_H
#define US_SYNC_WANT_H

#include "base/map.h"
#include "model/mapping.h"
#include "source/source.h"
#include "sync/plan.h"
#include "sync/rows.h"

/* The required groups that a read was narrowed to. */
struct us_want_scope {
	const struct us_slice *names; /* in arena; the first ones */
	size_t n_names, n;            /* n 0: everybody is read */
	struct us_map refs;           /* of all of them; us_map_fini */
};
enum { US_WANT_SCOPE_NAMES = 20 };

struct us_want {
	struct us_source *source;
	struct us_mapping *mapping;
	const struct us_have *have; /* of the plan: who is in the directory already */
	struct us_plan *plan;
	struct us_rows *rows;
	struct us_dbc *reader;    /* for what the plan asks for */
	int64_t directory;
	const atomic_bool *cancel;
	const struct us_want_scope *scope; /* that the source was narrowed to; NULL: it was not */
	bool is_feed;             /* the page says what has changed: groups come with all their members */
	_Atomic int64_t *users, *groups, *memberships; /* progress in records read */
	int64_t *unsaid;          /* users who stay inactive, for the source does not say what they are */
};

/* Reads every listing to its end. *ret_certificate says how far it came, in any case. An error of the source is *ret_source_err, not the result: the
 * plan has what was read until then. The result is an error of our own side. */
enum us_errc us_want_read(const struct us_want *want, struct us_certificate *ret_certificate, struct us_err *ret_source_err,
	struct us_err *err);
/* Lets the source read only who is in a required group, if it can, if each entry of requiredGroups is some group's name, and if no group is one of
 * the mapping's making. What is read then is planned as if it was all; who is not read would have been found in none of the groups.
 * Errors: of the source; nothing was read then. */
enum us_errc us_want_narrow(const struct us_want *want, const struct us_rules *rules, struct us_arena *arena, struct us_want_scope *ret_scope,
	struct us_err *err);
/* Maps one user, with the user that the directory has under its id where a rule asks for that. */
enum us_errc us_want_map(const struct us_want *want, struct us_arena *arena, const struct us_record *record, struct us_mapped *ret_mapped,
	struct us_err *err);
/* Feeds one page that was read already (a single user). */
enum us_errc us_want_page(const struct us_want *want, struct us_arena *arena, const struct us_page *page, struct us_err *err);
/* Loads what a LOAD step of the plan asks for. */
enum us_errc us_want_load(const struct us_want *want, struct us_arena *arena, const struct us_plan_step *step, bool with_links,
	struct us_plan_given *ret_given, struct us_err *err);

#endif
