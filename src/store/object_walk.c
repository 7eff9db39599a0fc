#include "store/object_walk.h"

#include <stdio.h>

#include "store/object_row.h"

/* No text is greater than this one, so that what is not set is last. */
#define LAST "'\xF4\x8F\xBF\xBF'"
#define TEXT(column) "COALESCE(lower(" column "), " LAST ")"
#define EXACT(column) "COALESCE(" column ", " LAST ")"

#define SQL(table, key, from, order) \
	"SELECT id, " key " FROM " table " WHERE directory = ?1 AND name_fold IS NOT NULL" from " ORDER BY " key order ", id" order \
	" LIMIT ?2 OFFSET ?3"
#define BOTH(table, key) { \
	{ SQL(table, key, "", ""), SQL(table, key, " AND (" key ", id) > (?4, ?5)", "") }, \
	{ SQL(table, key, "", " DESC"), SQL(table, key, " AND (" key ", id) < (?4, ?5)", " DESC") } }

static const struct {
	bool is_number;
	const char *users[2][2], *groups[2][2]; /* by descending, by having a place to begin behind */
} orders[US_ORDER_COUNT] = {
	[US_ORDER_NAME] = { false, BOTH("usr", "name_fold"), BOTH("grp", "name_fold") },
	[US_ORDER_FULL_NAME] = { false, BOTH("usr", TEXT("full_name")), { { NULL } } },
	[US_ORDER_FIRST_NAME] = { false, BOTH("usr", TEXT("first_name")), { { NULL } } },
	[US_ORDER_LAST_NAME] = { false, BOTH("usr", TEXT("last_name")), { { NULL } } },
	[US_ORDER_EMAIL] = { false, BOTH("usr", TEXT("email")), { { NULL } } },
	[US_ORDER_EXTERNAL_ID] = { false, BOTH("usr", EXACT("ext_id")), BOTH("grp", EXACT("ext_id")) },
	[US_ORDER_NUMBER] = { true, BOTH("usr", "id"), BOTH("grp", "id") },
	[US_ORDER_CREATED] = { true, BOTH("usr", "created"), BOTH("grp", "created") },
	[US_ORDER_UPDATED] = { true, BOTH("usr", "updated"), BOTH("grp", "updated") },
};

enum us_errc us_object_walk_begin(struct us_dbc *c, int64_t directory, bool is_group, enum us_order order, bool is_descending,
	const struct us_object_place *after, int64_t skip, struct us_object_walk *ret_walk, struct us_err *err)
{
	const char *sql = (is_group ? orders[order].groups : orders[order].users)[is_descending][after != NULL];
	struct us_stmt *s;
	int64_t number;

	if (!sql)
		return us_err_set(err, US_INVALID, "groups have no such order");
	enum us_errc rc = us_db_prepare(c, sql, &s, err);
	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, INT64_MAX);
	us_stmt_bind_int(s, 3, skip);
	if (after && orders[order].is_number) {
		if (!us_slice_to_int(after->key, &number))
			return us_err_set(err, US_INVALID, "this is no place in the order");
		us_stmt_bind_int(s, 4, number);
	} else if (after) {
		us_stmt_bind_slice(s, 4, after->key);
	}
	if (after)
		us_stmt_bind_int(s, 5, us_object_row(directory, after->number));
	*ret_walk = (struct us_object_walk) { s };
	return US_OK;
}

enum us_errc us_object_walk_next(struct us_object_walk *walk, struct us_object_place *ret_place, struct us_err *err)
{
	enum us_errc rc = walk->stmt ? us_stmt_step(walk->stmt, err) : US_END;

	if (rc) {
		walk->stmt = NULL;
		return rc;
	}
	*ret_place = (struct us_object_place) { us_stmt_slice(walk->stmt, 1), (uint32_t) us_stmt_int(walk->stmt, 0) };
	return US_OK;
}

void us_object_walk_end(struct us_object_walk *walk)
{
	if (walk->stmt)
		us_stmt_reset(walk->stmt);
	walk->stmt = NULL;
}
