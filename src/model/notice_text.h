/* Notice in words: the JSON that a webhook posts, and the mail that is made from it.
 *
 * Neither holds people's data: names of connectors, numbers of runs, counts, the rule that held. It is made
 * once, when the cause happens, so that every try of a delivery sends the same bytes.
 */
#ifndef US_MODEL_NOTICE_TEXT_H
#define US_MODEL_NOTICE_TEXT_H

#include "model/notice.h"

struct us_notice {
	enum us_notice_event event;
	int64_t at_s;      /* when the cause happened */
	int64_t connector; /* number; 0: of none */
	struct us_slice connector_uuid, connector_name;
	int64_t run; /* 0: of none */
	enum us_run_kind kind;
	enum us_run_status status;
	const struct us_report *report; /* NULL: no counts */
	struct us_slice held;           /* HELD: JSON {"rule","found","of","limit",…} */
	int64_t failures;               /* FAILED: in a row */
	struct us_slice messages;       /* FAILED: of the run, JSON; what it says of the cause is told without anybody's words */
	int64_t since_s;                /* OVERDUE: the last good end, or the connector's creation */
	bool never;                     /* OVERDUE: there was no good end */
	int64_t expires_s, days;        /* EXPIRING */
};

/* Notices that were left out since the last one to the same target. */
struct us_notice_left_out {
	struct us_slice event, connector_name;
	int64_t count;
};

void us_notice_write_body(const struct us_notice *notice, const struct us_notice_left_out *left_out,
	size_t n_left_out, struct us_str *out);

/* From a body as above: the subject in one line of UTF-8, and the text with LF as line end. */
void us_notice_write_subject(const struct us_json *body, struct us_str *out);
void us_notice_write_text(const struct us_json *body, struct us_str *out);

#endif
