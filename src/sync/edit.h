/* Edit: the one way to change a directory by hand. Only directories without a connector: what a connector syncs is never changed so (invariant O).
 *
 * A list of edits becomes a plan like that of a sync, is applied as one, and is recorded as a run (kind edit, no connector), so it shows in the
 * history, reaches whoever follows the directory, and can be turned round. All of it is one transaction of the writer, from the first look at the
 * directory on, so nothing can come between plan and apply. Its cost goes with what is touched: the directory is not loaded.
 */
#ifndef US_SYNC_EDIT_H
#define US_SYNC_EDIT_H

#include "model/edit.h"
#include "store/store.h"

/* Applies the list, or nothing of it. node: of the run; NONE is fine. On an error *ret_result says what was refused, and err why.
 * Errors: those of the refusals (model/edit.h), and the store's. */
enum us_errc us_edit_apply(struct us_store *store, const struct us_edit_request *request, struct us_slice node, struct us_edit_result *ret_result,
	struct us_err *err);

/* Turns round what a run without a connector did. Objects that were changed since are left, and say so in the results. *ret_run: the run that did
 * it. Errors: US_NOT_FOUND (run or directory), US_CONFLICT (its rows are no longer kept), and the store's. */
enum us_errc us_edit_undo(struct us_store *store, int64_t run, struct us_slice actor, enum us_run_trigger trigger, struct us_slice node,
	int64_t *ret_run, struct us_err *err);

#endif
