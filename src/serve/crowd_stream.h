/* A list of the Crowd protocol that is sent as a stream (serve/stream.h). */
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
	struct us_str head; /* what the handler wrote before it was sent */
};

/* bytes: of the whole struct; zeroed behind the first member. Takes over the call's view. */
void *us_crowd_stream_new(struct us_crowd_call *call, size_t bytes);
void us_crowd_stream_free(struct us_crowd_stream *stream); /* one that is not sent */
/* Owns: takes the stream, also with an error. */
enum us_errc us_crowd_stream_send(struct us_crowd_call *call, struct us_crowd_stream *stream, struct us_err *err);

#endif
