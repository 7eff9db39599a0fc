#include <stdlib.h>

#include "net/httpd_state.h"

pthread_mutex_t us_httpd_later_lock = PTHREAD_MUTEX_INITIALIZER;

/* us_httpd_later_lock is held. A suspended connection cannot go away before it is resumed. */
static void answer_connection(struct us_httpd_connection *c, struct us_httpd_answer *answer)
{
	bool is_suspended = c->later_state == US_HTTPD_SUSPENDED;

	us_httpd_answer_fini(&c->answer);
	c->answer = *answer;
	*answer = (struct us_httpd_answer) US_HTTPD_ANSWER_INIT;
	c->later->connection = NULL;
	c->later = NULL;
	c->later_state = US_HTTPD_ANSWERED;
	if (is_suspended)
		MHD_resume_connection(c->mhd);
}

/* us_httpd_later_lock is held. */
static void answer_stopping(struct us_httpd_connection *c)
{
	struct us_httpd *h = c->httpd;
	struct us_httpd_answer answer = { .status = 503, .close = true };

	if (h->config.refuse)
		h->config.refuse(h->config.data, &c->request, 503, "the server is stopping", &answer);
	answer_connection(c, &answer);
}

struct us_httpd_later *us_httpd_defer(struct us_httpd_request *request)
{
	struct us_httpd_later *later = request->promise;

	if (later) {
		request->promise = NULL;
		return later;
	}
	struct us_httpd_connection *c = (struct us_httpd_connection *) request;
	later = us_calloc(1, sizeof *later);

	pthread_mutex_lock(&us_httpd_later_lock);
	us_assert(c->later_state == US_HTTPD_NOT_LATER);
	later->connection = c;
	c->later = later;
	c->later_state = US_HTTPD_PROMISED;
	if (c->httpd->is_abandoning)
		answer_stopping(c);
	pthread_mutex_unlock(&us_httpd_later_lock);
	return later;
}

void us_httpd_later_answer(struct us_httpd_later *later, struct us_httpd_answer *answer)
{
	pthread_mutex_lock(&us_httpd_later_lock);
	if (later->connection)
		answer_connection(later->connection, answer);
	pthread_mutex_unlock(&us_httpd_later_lock);
	us_httpd_answer_fini(answer);
	free(later);
}

void us_httpd_abandon(struct us_httpd *h)
{
	pthread_mutex_lock(&h->lock);
	pthread_mutex_lock(&us_httpd_later_lock);
	h->is_abandoning = true;
	for (struct us_httpd_connection *c = h->connections; c; c = c->next) {
		if (c->later)
			answer_stopping(c);
		if (c->stream)
			us_httpd_wake_stream(c->stream);
	}
	pthread_mutex_unlock(&us_httpd_later_lock);
	pthread_mutex_unlock(&h->lock);
}
