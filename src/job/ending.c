#include "job/ending.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/run.h"
#include "sync/messages.h"

struct us_ending {
	struct us_ending *next;
	int64_t run;
	char *reason;
};

void us_endings_init(struct us_endings *endings, struct us_store *store)
{
	*endings = (struct us_endings) { .store = store };
	pthread_mutex_init(&endings->lock, NULL);
}

static void free_ending(struct us_ending *e)
{
	free(e->reason);
	free(e);
}

void us_endings_fini(struct us_endings *endings)
{
	while (endings->first) {
		struct us_ending *e = endings->first;
		endings->first = e->next;
		free_ending(e);
	}
	pthread_mutex_destroy(&endings->lock);
}

static void append(struct us_endings *endings, struct us_ending *e)
{
	struct us_ending **at;

	e->next = NULL;
	pthread_mutex_lock(&endings->lock);
	for (at = &endings->first; *at; at = &(*at)->next)
		;
	*at = e;
	pthread_mutex_unlock(&endings->lock);
}

void us_endings_add(struct us_endings *endings, int64_t run, const char *reason)
{
	struct us_ending *e = us_calloc(1, sizeof *e);

	e->run = run;
	e->reason = us_strdup(reason);
	append(endings, e);
}

/* Its status, reason and counters. Nothing to do if it has ended already. */
static enum us_errc write_status(
	struct us_dbc *c, struct us_arena *arena, const struct us_ending *e, struct us_err *err)
{
	struct us_run run;
	struct us_messages messages;
	int64_t now = us_clock_wall_s();
	enum us_errc rc = us_run_load(c, arena, e->run, &run, err);

	if (rc || (run.status != US_RUN_SCHEDULED && run.status != US_RUN_RUNNING))
		return rc;
	us_messages_init(&messages, run.messages);
	us_messages_add(&messages, "%s", e->reason);
	run.messages = us_messages_text(&messages);
	run.report = (struct us_report) { 0 };
	run.n_changes = 0;
	rc = us_run_save(c, &run, now, err);
	if (rc == US_OK)
		rc = us_run_set_status(c, e->run, run.status, US_RUN_FAILED, now, err);
	us_messages_fini(&messages);
	return rc;
}

enum part { THE_STATUS, THE_ROWS };

static enum us_errc write_part(
	struct us_endings *endings, const struct us_ending *e, enum part part, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(endings->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = part == THE_STATUS ? write_status(c, &arena, e, err) : us_run_delete_changes(c, e->run, err);
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	us_arena_fini(&arena);
	return rc;
}

/* The status goes first and alone: it takes little room, and it is what frees the connector. */
size_t us_endings_write(struct us_endings *endings)
{
	struct us_ending *list, *next;
	size_t left = 0;

	pthread_mutex_lock(&endings->lock);
	list = endings->first;
	endings->first = NULL;
	pthread_mutex_unlock(&endings->lock);
	for (; list; list = next) {
		struct us_err err = US_ERR_INIT;
		next = list->next;
		if (write_part(endings, list, THE_STATUS, &err) == US_OK &&
			write_part(endings, list, THE_ROWS, &err) == US_OK) {
			us_log(
				US_LOG_WARN, "run recorded late", "run", US_LOG_INT(list->run), "reason", list->reason, NULL);
			free_ending(list);
		} else {
			append(endings, list);
			left++;
		}
	}
	return left;
}

enum us_errc us_endings_check(struct us_endings *endings, struct us_err *err)
{
	enum us_errc rc = US_OK;

	pthread_mutex_lock(&endings->lock);
	if (endings->first)
		rc = us_err_set(err, US_DISK, "the end of run %lld cannot be written: %s",
			(long long)endings->first->run, endings->first->reason);
	pthread_mutex_unlock(&endings->lock);
	return rc;
}
