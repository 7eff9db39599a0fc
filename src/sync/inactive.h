/* Inactive: the plan of a connector of type `inactive`, which has no source: from the users of an existing directory, their last logins and their
 * groups. What it decides about each is in plan_inactive.h.
 */
#ifndef US_SYNC_INACTIVE_H
#define US_SYNC_INACTIVE_H

#include <stdatomic.h>

#include "model/have.h"
#include "model/rules.h"
#include "sync/messages.h"
#include "sync/plan_inactive.h"
#include "sync/rows.h"

struct us_inactive {
	struct us_dbc *reader;
	int64_t directory;
	const struct us_json *configuration;
	const struct us_rules *rules;
	struct us_inactive_settings settings;
	struct us_have *have;  /* all of the directory, with the flags of the rules; borrowed */
	struct us_rows *rows;
	struct us_messages *messages;
	const atomic_bool *cancel;
	_Atomic int64_t *users; /* progress */
};

/* The settings that are this type's own. */
void us_inactive_read(const struct us_conf *conf, struct us_inactive_settings *ret_settings);

/* Gives the rows to rows, and the numbers that the guard judges. US_CANCELLED, US_CONFLICT (the directory changed meanwhile). */
enum us_errc us_inactive_plan_all(const struct us_inactive *in, struct us_plan_counts *ret_counts, struct us_err *err);

#endif
