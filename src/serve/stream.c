#include "serve/stream.h"

#include <stdlib.h>

#include "base/clock.h"

enum {
	WHOLE_BYTES = 64 << 10, /* an answer up to that is sent whole */
	PIECE_BYTES = 32 << 10,
	STREAMS_MOST = 8,       /* half of the store's readers */
	LONGEST_MS = 600000,    /* what a reader holds back cannot be cleaned up in the store */
};

struct sending {
	struct us_serve *serve;
	struct us_stream stream;
	struct us_str piece; /* what was made before the answer began */
	int64_t begin_ms;
};

static enum us_errc fill(struct sending *s, struct us_str *out, size_t bytes, struct us_err *err)
{
	enum us_errc rc = US_OK;

	while (!rc && out->n < bytes)
		rc = s->stream.next(s->stream.data, out, err);
	return rc;
}

static enum us_errc pull(void *data, struct us_str *chunk, struct us_err *err)
{
	struct sending *s = data;

	if (s->piece.n) {
		us_str_add_slice(chunk, us_str_slice(&s->piece));
		us_str_fini(&s->piece);
		return US_OK;
	}
	if (us_clock_monotonic_ms() - s->begin_ms > LONGEST_MS)
		return us_err_set(err, US_TIMEOUT, "the client takes longer than %d seconds", LONGEST_MS / 1000);
	return fill(s, chunk, PIECE_BYTES, err);
}

static void free_sending(void *data)
{
	struct sending *s = data;

	s->stream.free(s->stream.data);
	us_str_fini(&s->piece);
	free(s);
}

static void free_pulled(void *data)
{
	struct sending *s = data;

	atomic_fetch_sub(&s->serve->streams, 1);
	free_sending(s);
}

enum us_errc us_stream_send(struct us_serve *serve, struct us_httpd_answer *answer, const struct us_stream *stream, struct us_err *err)
{
	struct sending *s = us_calloc(1, sizeof *s);

	s->serve = serve;
	s->begin_ms = us_clock_monotonic_ms();
	s->stream = *stream;
	/* Most answers end here, in the buffer that the connection keeps. */
	enum us_errc rc = fill(s, &answer->body, WHOLE_BYTES, err);
	if (rc) {
		free_sending(s);
		return rc == US_END ? US_OK : rc;
	}
	s->piece = answer->body;
	answer->body = (struct us_str) US_STR_INIT;
	if (atomic_fetch_add(&serve->streams, 1) >= STREAMS_MOST) {
		free_pulled(s);
		return us_err_set(err, US_UNAVAILABLE, "%d long answers are being sent already: ask again when one has ended", STREAMS_MOST);
	}
	answer->pull = pull;
	answer->pull_free = free_pulled;
	answer->pull_data = s;
	return US_OK;
}
