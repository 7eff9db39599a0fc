/* Explained: what is asked and found of one user at a source; see sync/explain.h. */
#ifndef US_MODEL_EXPLAINED_H
#define US_MODEL_EXPLAINED_H

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

struct us_explain_ask {
	struct us_slice connector, username;
	const struct us_json *configuration; /* in place of the stored one, checked before; NULL: the stored one */
};

enum { US_EXPLAIN_REASONS = 8 };

struct us_explained {
	struct us_arena arena;
	struct us_str source, rules; /* JSON: an object, an array */
	bool is_reached;             /* the source has answered, be it that it knows nobody of that name */
	bool is_wanted;              /* a sync would have the user */
	bool is_there;               /* the directory has the user, by this name or another */
	const char *reasons[US_EXPLAIN_REASONS]; /* why a sync would not, and what to know beside it */
	size_t n_reasons;
};

void us_explained_fini(struct us_explained *explained);

#endif
