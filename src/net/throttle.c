#include "net/throttle.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"

enum { WAYS = 4, SETS = 1024, LONGEST_WAIT_S = 300, FORGIVEN_AFTER_S = 900 };

struct failed {
	struct us_hash key;
	int64_t last_s, until_s; /* monotonic */
	int count;
};

struct us_throttle {
	pthread_mutex_t lock;
	struct failed failed[SETS][WAYS];
};

struct us_throttle *us_throttle_new(void)
{
	struct us_throttle *throttle = us_calloc(1, sizeof *throttle);

	pthread_mutex_init(&throttle->lock, NULL);
	return throttle;
}

void us_throttle_free(struct us_throttle *throttle)
{
	if (!throttle)
		return;
	pthread_mutex_destroy(&throttle->lock);
	free(throttle);
}

enum us_errc us_throttle_begin(struct us_throttle *throttle, struct us_hash key, int free_failures, struct us_err *err)
{
	int64_t now = us_clock_monotonic_ms() / 1000, wait = 0;

	pthread_mutex_lock(&throttle->lock);
	struct failed *set = throttle->failed[key.lo % SETS], *f = NULL, *oldest = &set[0];
	for (int i = 0; i < WAYS; i++) {
		if (us_hash_is_equal(set[i].key, key))
			f = &set[i];
		if (set[i].last_s < oldest->last_s)
			oldest = &set[i];
	}
	if (!f) {
		f = oldest;
		*f = (struct failed) { .key = key };
	}
	if (f->count && now - f->last_s > FORGIVEN_AFTER_S)
		f->count = 0;
	if (f->until_s > now) {
		wait = f->until_s - now;
	} else {
		f->count++;
		f->last_s = now;
		int over = f->count - free_failures;
		if (over >= 0)
			f->until_s = now + (over > 8 ? LONGEST_WAIT_S : 1 << over);
	}
	pthread_mutex_unlock(&throttle->lock);
	if (!wait)
		return US_OK;
	us_err_set(err, US_THROTTLED, "too many failed logins: wait %lld seconds", (long long) wait);
	if (err)
		err->wait_ms = wait * 1000;
	return US_THROTTLED;
}

void us_throttle_succeed(struct us_throttle *throttle, struct us_hash key)
{
	pthread_mutex_lock(&throttle->lock);
	struct failed *set = throttle->failed[key.lo % SETS];
	for (int i = 0; i < WAYS; i++)
		if (us_hash_is_equal(set[i].key, key))
			set[i] = (struct failed) { .count = 0 };
	pthread_mutex_unlock(&throttle->lock);
}

void us_throttle_forgive(struct us_throttle *throttle, struct us_hash key)
{
	pthread_mutex_lock(&throttle->lock);
	struct failed *set = throttle->failed[key.lo % SETS];
	for (int i = 0; i < WAYS; i++)
		if (us_hash_is_equal(set[i].key, key) && set[i].count)
			set[i].count--;
	pthread_mutex_unlock(&throttle->lock);
}
