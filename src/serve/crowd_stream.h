/* Stream: an answer of the Crowd protocol that is made item by item. What is short goes out whole, what is long in pieces while it is read, so that
 * memory does not grow with the directory. A stream holds a reader; there is a bound to how many do at the same time.
 */
#ifndef US_SERVE_CROWD_STREAM_H
#define US_SERVE_CROWD_STREAM_H

#include "serve/crowd_call.h"

/* First member of what a handler allocates with us_crowd_stream_new. */
struct us_crowd_stream {
	struct us_view view; /* taken over from the call */
	struct us_crowd_writer writer;
	struct us_arena arena; /* for the handler's use; lives as long as the stream */
	/* Appends some items; US_END: all is there, the document's end too. Any other error cuts the answer, so that nobody takes a part for the whole. */
	enum us_errc (*next)(struct us_crowd_stream *stream, struct us_err *err);
	void (*fini)(struct us_crowd_stream *stream); /* frees what the handler added; may be NULL */
	struct us_serve *serve;
	int64_t begin_ms;
	struct us_str piece; /* what was made before the answer began */
};

/* bytes: of the whole struct; zeroed behind the first member. Takes over the call's view. */
void *us_crowd_stream_new(struct us_crowd_call *call, size_t bytes);
void us_crowd_stream_free(struct us_crowd_stream *stream);
/* Owns: takes the stream, also with an error. */
enum us_errc us_crowd_stream_send(struct us_crowd_call *call, struct us_crowd_stream *stream, struct us_err *err);

#endif
