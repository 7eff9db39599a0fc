/* Stream: an answer that is made item by item. What is short goes out whole, what is long in pieces while it is read, so that memory does not grow
 * with the directory. A stream holds a reader; there is a bound to how many do at the same time.
 */
#ifndef US_SERVE_STREAM_H
#define US_SERVE_STREAM_H

#include "serve/parts.h"

struct us_stream {
	void *data;
	/* Appends some items; US_END: all is there, the document's end too. Any other error cuts the answer, so that nobody takes a part for the whole. */
	enum us_errc (*next)(void *data, struct us_str *out, struct us_err *err);
	void (*free)(void *data);
};

/* Owns: takes the stream's data, also with an error. Errors: those of next before the answer has begun; US_UNAVAILABLE. */
enum us_errc us_stream_send(struct us_serve *serve, struct us_httpd_answer *answer, const struct us_stream *stream, struct us_err *err);

#endif
