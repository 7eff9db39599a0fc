/* Explain: where a user comes from, what touched them, and why they are missing, from the store and, if asked for, from the source. */
#ifndef US_API_EXPLAIN_H
#define US_API_EXPLAIN_H

#include <stdatomic.h>

#include "api/call.h"

/* request: the JSON object {"username", "source", "configuration"}; source: whether the source is asked; configuration: one that is not saved, in
 * place of the stored one, checked before. *body gets the answer. Blocks as long as the source does. */
enum us_errc us_explain_answer(struct us_api *api, struct us_slice connector, struct us_slice request, const atomic_bool *cancel, struct us_str *body,
	struct us_err *err);

#endif
