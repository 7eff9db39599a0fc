/* Messages of a run: a JSON array of lines, in order, bounded. */
#ifndef US_SYNC_MESSAGES_H
#define US_SYNC_MESSAGES_H

#include "base/str.h"

#define US_MESSAGES_MAX 200

struct us_messages {
	struct us_str json; /* "[…" without its end */
	int n;
};

/* Goes on from a stored array; NONE starts one. Owns: json. */
void us_messages_init(struct us_messages *m, struct us_slice stored);
void us_messages_fini(struct us_messages *m);
void us_messages_add(struct us_messages *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How many there are, to take those away again that were added since. */
struct us_messages_mark { size_t bytes; int n; };
struct us_messages_mark us_messages_mark(const struct us_messages *m);
void us_messages_reset(struct us_messages *m, struct us_messages_mark mark);
/* The array as it is now; valid until the next call. */
struct us_slice us_messages_text(struct us_messages *m);

#endif
