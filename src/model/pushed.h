/* Pushed: a user or group that an identity provider has pushed, as it is kept (store/pushed.h) and read by a run (source/scim.h). Plain data. */
#ifndef US_MODEL_PUSHED_H
#define US_MODEL_PUSHED_H

#include <stdint.h>

#include "base/str.h"

/* A connector's pushes as a whole; all 0 before the first one. */
struct us_pushed_state {
	int64_t change;            /* the last one */
	int64_t n_users, n_groups; /* that are there */
	int64_t first_at, last_at; /* of the first and the last push that was accepted */
	int64_t accepted, refused; /* pushes */
	int64_t planned;           /* the change that the last run which was started for pushes reads at least up to */
	int64_t run;               /* that run */
	int64_t forgotten;         /* what was deleted by this change or an earlier one is not known any more, or only some of it */
};

struct us_pushed {
	bool is_group;
	uint32_t number;           /* among users and groups of the connector; never given twice. Its id is made from it (model/scim_id.h) */
	struct us_slice ext_id;    /* NONE: none */
	struct us_slice name;      /* userName, displayName */
	struct us_slice document;  /* JSON, without id, meta and members */
	int64_t revision;          /* the change of its document */
	int64_t change;            /* of its document or its members */
	int64_t created, modified;
	bool is_gone;
};

struct us_pushed_member {
	uint32_t number;
	bool is_group;
};

enum us_pushed_key { US_PUSHED_BY_NUMBER, US_PUSHED_BY_NAME /* without case */, US_PUSHED_BY_EXTERNAL_ID };
enum us_pushed_order { US_PUSHED_ORDER_NAME, US_PUSHED_ORDER_NUMBER, US_PUSHED_ORDER_CHANGE };

#endif
