/* Preview: what a mapping makes of one user, step by step, and what looks wrong in it on a page of the source's users. Writes nothing. */
#ifndef US_SYNC_PREVIEW_H
#define US_SYNC_PREVIEW_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

struct us_store;

/* request: the JSON object {"configuration", "username", "record", "sample"}, each optional but one of username and record. configuration stands in
 * place of the stored one and has been checked; a secret of it that is "***" is the stored one. record is mapped as it is, without the source.
 * sample: whether a page is read for warnings; by default only if the source is asked anyway.
 * *out gets the answer as JSON. Errors: US_NOT_FOUND (connector, user), US_INVALID (the request), those of opening and asking a source. */
enum us_errc us_sync_preview(struct us_store *store, struct us_slice connector, struct us_slice request, const atomic_bool *cancel,
	struct us_str *out, struct us_err *err);

#endif
