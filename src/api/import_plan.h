/* Import plan: what a file of connectors would do to those that are there, decided before anything is
 * written. */
#ifndef US_API_IMPORT_PLAN_H
#define US_API_IMPORT_PLAN_H

#include "api/call.h"
#include "model/difference.h"
#include "model/transfer.h"
#include "store/connector.h"

enum us_import_action {
	US_IMPORT_CREATED,
	US_IMPORT_UPDATED,
	US_IMPORT_UNCHANGED,
	US_IMPORT_REFUSED,
	US_IMPORT_ACTION_COUNT
};

/* One line for a person. */
struct us_import_note {
	struct us_import_note *next;
	const char *text;
};

struct us_import_item {
	struct us_transfer_entry *entry;
	const struct us_connector *there; /* secrets hidden; NULL: a new one */
	enum us_import_action action;
	const struct us_json *configuration; /* as it is saved: "***" where the stored secret stays */
	bool enabled;
	bool is_renamed;
	struct us_difference *changes;
	struct us_import_note *notes;
	int64_t id; /* once it is there */
};

struct us_import_plan {
	struct us_import_item *items;
	size_t n;
	size_t counts[US_IMPORT_ACTION_COUNT];
};

/* Needs a lease. opened: the opened envelope, NULL if the file has none; by_name: an entry whose unique id is
 * not there is the connector of that name. Problems go to the entries, which are REFUSED then. Errors: those
 * of the store only. */
enum us_errc us_import_plan_make(struct us_call *call, const struct us_transfer *file,
	const struct us_json *opened, bool by_name, struct us_import_plan *ret_plan, struct us_err *err);
const char *us_import_action_text(enum us_import_action action); /* "created" */

#endif
