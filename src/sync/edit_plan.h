/* Edit plan: what a list of edits comes to, as rows of a plan: each object with one row, before and after. Loads what the edits touch and nothing
 * else, so its cost goes with them and not with the directory.
 */
#ifndef US_SYNC_EDIT_PLAN_H
#define US_SYNC_EDIT_PLAN_H

#include "model/edit.h"
#include "store/object.h"

struct us_edit_plan;

/* c: in a transaction, in which the directory stays as it is until the plan is freed. Owns: *ret_plan. Errors: as the store. */
enum us_errc us_edit_plan_new(struct us_dbc *c, int64_t directory, struct us_edit_plan **ret_plan, struct us_err *err);
void us_edit_plan_free(struct us_edit_plan *plan);

/* One edit; it borrows from edit until the plan is freed. *ret_number: of its object. An error with *ret_refusal: the edit is refused, and the plan
 * of no use any more. */
enum us_errc us_edit_plan_take(struct us_edit_plan *plan, const struct us_edit *edit, uint32_t *ret_number, enum us_edit_refusal *ret_refusal,
	struct us_err *err);

/* The rows, in the order of their ord, until the plan is freed; none if nothing differs. */
enum us_errc us_edit_plan_end(struct us_edit_plan *plan, const struct us_change **ret_list, size_t *ret_n, struct us_report *ret_report,
	struct us_err *err);

#endif
