#include "net/later.h"

static const struct us_parameter *copy_parameters(struct us_arena *arena, const struct us_parameter *from, size_t n)
{
	struct us_parameter *to = us_arena_array(arena, n + 1, sizeof *to);

	for (size_t i = 0; i < n; i++)
		to[i] = (struct us_parameter) { us_slice_dup(arena, from[i].name), us_slice_dup(arena, from[i].value) };
	return to;
}

static void copy_target(struct us_arena *arena, const struct us_target *from, struct us_target *to)
{
	*to = *from;
	to->raw = us_slice_dup(arena, from->raw);
	to->path = us_slice_dup(arena, from->path);
	to->segments = us_arena_array(arena, from->segments_n + 1, sizeof *to->segments);
	for (size_t i = 0; i < from->segments_n; i++)
		to->segments[i] = us_slice_dup(arena, from->segments[i]);
	to->query = (struct us_parameter *) copy_parameters(arena, from->query, from->query_n);
}

void us_later_copy(struct us_later *later, const struct us_httpd_request *request)
{
	struct us_arena *arena = &later->arena;

	us_arena_init(arena);
	later->answer = (struct us_httpd_answer) US_HTTPD_ANSWER_INIT;
	later->request = *request;
	later->request.arena = arena;
	later->request.method_name = us_slice_dup(arena, request->method_name);
	later->request.peer = us_arena_strdup(arena, request->peer);
	later->request.body = us_slice_dup(arena, request->body);
	later->request.headers = copy_parameters(arena, request->headers, request->headers_n);
	copy_target(arena, &request->target, &later->request.target);
}

void us_later_promise(struct us_later *later, struct us_httpd_request *request) { later->request.promise = us_httpd_defer(request); }

void us_later_end(struct us_later *later)
{
	if (later->request.promise)
		us_httpd_later_answer(later->request.promise, &later->answer);
	else
		us_httpd_answer_fini(&later->answer);
	us_arena_wipe(&later->arena);
	us_arena_fini(&later->arena);
}
