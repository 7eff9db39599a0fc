#include "serve/crowd_stream.h"

#include <stdlib.h>

#include "base/clock.h"

enum {
	WHOLE_BYTES = 64 << 10, /* an answer up to that is sent whole */
	PIECE_BYTES = 32 << 10,
	STREAMS_MOST = 8,       /* half of the store's readers */
	LONGEST_MS = 600000,    /* what a reader holds back cannot be cleaned up in the store */
};

void *us_crowd_stream_new(struct us_crowd_call *call, size_t bytes)
{
	struct us_crowd_stream *stream = us_calloc(1, bytes);
	int64_t *directories = us_arena_array(&stream->arena, call->view.n + 1, sizeof *directories);

	memcpy(directories, call->view.directories, call->view.n * sizeof *directories);
	stream->serve = call->serve;
	stream->begin_ms = us_clock_monotonic_ms();
	stream->view = (struct us_view) { call->view.c, directories, call->view.n };
	call->view.c = NULL;
	us_crowd_writer_init(&stream->writer, &stream->piece, call->writer.is_json, us_slice_dup(&stream->arena, call->writer.base));
	return stream;
}

void us_crowd_stream_free(struct us_crowd_stream *stream)
{
	if (stream->fini)
		stream->fini(stream);
	us_view_close(&stream->view);
	us_str_fini(&stream->piece);
	us_arena_fini(&stream->arena);
	free(stream);
}

static enum us_errc fill(struct us_crowd_stream *stream, struct us_str *out, size_t bytes, struct us_err *err)
{
	enum us_errc rc = US_OK;

	stream->writer.out = stream->writer.w.out = out;
	while (!rc && out->n < bytes)
		rc = stream->next(stream, err);
	return rc;
}

static enum us_errc pull(void *data, struct us_str *chunk, struct us_err *err)
{
	struct us_crowd_stream *stream = data;

	if (stream->piece.n) {
		us_str_add_slice(chunk, us_str_slice(&stream->piece));
		us_str_fini(&stream->piece);
		return US_OK;
	}
	if (us_clock_monotonic_ms() - stream->begin_ms > LONGEST_MS)
		return us_err_set(err, US_TIMEOUT, "the client takes longer than %d seconds", LONGEST_MS / 1000);
	return fill(stream, chunk, PIECE_BYTES, err);
}

static void free_pulled(void *data)
{
	struct us_crowd_stream *stream = data;

	atomic_fetch_sub(&stream->serve->streams, 1);
	us_crowd_stream_free(stream);
}

enum us_errc us_crowd_stream_send(struct us_crowd_call *call, struct us_crowd_stream *stream, struct us_err *err)
{
	enum us_errc rc = fill(stream, &stream->piece, WHOLE_BYTES, err);

	if (rc) {
		if (rc == US_END)
			us_str_add_slice(call->writer.out, us_str_slice(&stream->piece));
		us_crowd_stream_free(stream);
		return rc == US_END ? US_OK : rc;
	}
	if (atomic_fetch_add(&call->serve->streams, 1) >= STREAMS_MOST) {
		free_pulled(stream);
		return us_err_set(err, US_UNAVAILABLE, "%d long answers are being sent already: ask again when one has ended", STREAMS_MOST);
	}
	call->answer->pull = pull;
	call->answer->pull_free = free_pulled;
	call->answer->pull_data = stream;
	return US_OK;
}
