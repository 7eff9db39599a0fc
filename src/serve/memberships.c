#include "serve/memberships.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES = 1 << 17,
	RING = 1 << 21,    /* memberships: 8 MB */
	LONGEST = 1 << 12, /* a list that is longer is not kept */
};

struct place {
	int64_t directory, revision;
	uint64_t at;   /* where in the ring the list begins, counted over all rounds */
	uint32_t user; /* 0: free */
	uint32_t n;
};

/* Invariant: what lies in the ring from end - RING to end is as it was kept. */
struct us_memberships {
	pthread_mutex_t lock;
	struct place *places; /* untouched memory costs none, here and in the ring */
	uint32_t *ring;
	uint64_t end;
};

struct us_memberships *us_memberships_new(void)
{
	struct us_memberships *m = us_calloc(1, sizeof *m);

	pthread_mutex_init(&m->lock, NULL);
	m->places = us_calloc(PLACES, sizeof *m->places);
	m->ring = us_calloc(RING, sizeof *m->ring);
	return m;
}

void us_memberships_free(struct us_memberships *m)
{
	pthread_mutex_destroy(&m->lock);
	free(m->places);
	free(m->ring);
	free(m);
}

static struct place *place_of(struct us_memberships *m, int64_t directory, uint32_t user)
{
	return &m->places[(user + (uint64_t) directory * 0x9E3779B1u) % PLACES];
}

bool us_memberships_find(struct us_memberships *m, struct us_arena *arena, int64_t directory, int64_t revision, uint32_t user,
	const uint32_t **ret_groups, size_t *ret_n)
{
	pthread_mutex_lock(&m->lock);
	const struct place *p = place_of(m, directory, user);
	bool is_kept = p->user == user && p->directory == directory && p->revision == revision && m->end - p->at <= RING;
	if (is_kept) {
		uint32_t *groups = us_arena_array(arena, p->n, sizeof *groups);
		if (p->n)
			memcpy(groups, m->ring + p->at % RING, p->n * sizeof *groups);
		*ret_groups = groups;
		*ret_n = p->n;
	}
	pthread_mutex_unlock(&m->lock);
	return is_kept;
}

void us_memberships_keep(struct us_memberships *m, int64_t directory, int64_t revision, uint32_t user, const uint32_t *groups, size_t n)
{
	if (n > LONGEST)
		return;
	pthread_mutex_lock(&m->lock);
	/* A list is never in two pieces. */
	if (m->end % RING + n > RING)
		m->end += RING - m->end % RING;
	if (n)
		memcpy(m->ring + m->end % RING, groups, n * sizeof *groups);
	*place_of(m, directory, user) = (struct place) { directory, revision, m->end, user, (uint32_t) n };
	m->end += n;
	pthread_mutex_unlock(&m->lock);
}
