#include "serve/crowd_stream.h"

#include <stdlib.h>

#include "serve/stream.h"

void *us_crowd_stream_new(struct us_crowd_call *call, size_t bytes)
{
	struct us_crowd_stream *stream = us_calloc(1, bytes);
	int64_t *directories = us_arena_array(&stream->arena, call->view.n + 1, sizeof *directories);

	memcpy(directories, call->view.directories, call->view.n * sizeof *directories);
	stream->view = (struct us_view) { .c = call->view.c, .directories = directories, .n = call->view.n };
	call->view.c = NULL;
	us_crowd_writer_init(&stream->writer, &stream->head, call->writer.is_json, us_slice_dup(&stream->arena, call->writer.base));
	return stream;
}

void us_crowd_stream_free(struct us_crowd_stream *stream)
{
	if (stream->fini)
		stream->fini(stream);
	us_view_close(&stream->view);
	us_str_fini(&stream->head);
	us_arena_fini(&stream->arena);
	free(stream);
}

static void free_stream(void *data) { us_crowd_stream_free(data); }

static enum us_errc next(void *data, struct us_str *out, struct us_err *err)
{
	struct us_crowd_stream *stream = data;

	if (stream->head.n) {
		us_str_add_slice(out, us_str_slice(&stream->head));
		us_str_fini(&stream->head);
	}
	stream->writer.out = stream->writer.w.out = out;
	return stream->next(stream, err);
}

enum us_errc us_crowd_stream_send(struct us_crowd_call *call, struct us_crowd_stream *stream, struct us_err *err)
{
	return us_stream_send(call->serve, call->answer, &(struct us_stream) { stream, next, free_stream }, err);
}
