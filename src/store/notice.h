/* Notices: from their causes into the outbox, within the transaction of the caller. Which targets want one,
 * and whether it is too many, is decided here; model/notice says what follows from what. */
#ifndef US_STORE_NOTICE_H
#define US_STORE_NOTICE_H

#include "model/notice_text.h"
#include "store/outbox.h"

/* To every target that is enabled and wants it. What a limit of a target forbids is counted, and told by the
 * next one to it. */
enum us_errc us_notice_raise(struct us_dbc *c, const struct us_notice *notice, struct us_err *err);

/* The run has this status from now on: remembers it, and raises what follows. What us_run_save writes must be
 * there. */
enum us_errc us_notice_note_end(
	struct us_dbc *c, int64_t run, enum us_run_status status, int64_t now_s, struct us_err *err);

/* What time brings: overdue syncs and secrets. With a reader it writes nothing and only says how many are
 * due; with the writer it raises them. */
enum us_errc us_notice_watch(
	struct us_dbc *c, bool is_writer, int64_t now_s, size_t *ret_n, struct us_err *err);

enum us_errc us_notice_forget_connector(struct us_dbc *c, int64_t connector, struct us_err *err);

#endif
