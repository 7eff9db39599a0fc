#include "serve/group_names.h"

#include <pthread.h>
#include <stdlib.h>

#include "store/directory.h"

enum { PLACES = 1 << 15, NAME_BYTES = 59 };

/* A name that is longer is not kept. */
struct place {
	int64_t directory, revision;
	uint32_t number; /* 0: free */
	unsigned char n;
	char name[NAME_BYTES];
};

struct us_group_names {
	pthread_mutex_t lock;
	struct place *places; /* untouched ones cost no memory */
	struct us_kept *kept;
};

struct us_group_names *us_group_names_new(struct us_kept *kept)
{
	struct us_group_names *names = us_calloc(1, sizeof *names);

	pthread_mutex_init(&names->lock, NULL);
	names->places = us_calloc(PLACES, sizeof *names->places);
	names->kept = kept;
	return names;
}

void us_group_names_free(struct us_group_names *names)
{
	pthread_mutex_destroy(&names->lock);
	free(names->places);
	free(names);
}

static struct place *place_of(struct us_group_names *names, int64_t directory, uint32_t number)
{
	return &names->places[(number + (uint64_t) directory * 0x9E3779B1u) % PLACES];
}

/* Names that are not kept stay NONE; gives how many. */
static size_t find_all(struct us_group_names *names, struct us_arena *arena, int64_t directory, int64_t revision, struct us_named *list, size_t n)
{
	size_t missing = 0, room = 0;
	char *at = NULL;

	pthread_mutex_lock(&names->lock);
	for (size_t i = 0; i < n; i++) {
		const struct place *p = place_of(names, directory, list[i].number);
		if (p->number != list[i].number || p->directory != directory || p->revision != revision) {
			missing++;
			continue;
		}
		if (room < NAME_BYTES)
			at = us_arena_alloc(arena, room = 16 * NAME_BYTES);
		memcpy(at, p->name, p->n);
		list[i].name = (struct us_slice) { at, p->n };
		at += p->n;
		room -= p->n;
	}
	pthread_mutex_unlock(&names->lock);
	return missing;
}

static void keep_all(struct us_group_names *names, int64_t directory, int64_t revision, const struct us_named *list, size_t n)
{
	pthread_mutex_lock(&names->lock);
	for (size_t i = 0; i < n; i++) {
		struct place *p = place_of(names, directory, list[i].number);
		if (list[i].name.n > NAME_BYTES)
			continue;
		p->directory = directory;
		p->revision = revision;
		p->number = list[i].number;
		p->n = (unsigned char) list[i].name.n;
		memcpy(p->name, list[i].name.p, list[i].name.n);
	}
	pthread_mutex_unlock(&names->lock);
}

static enum us_errc load_missing(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_named *list, size_t n, struct us_err *err)
{
	struct us_str name = US_STR_INIT;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		if (list[i].name.p)
			continue;
		rc = us_object_load_name(c, US_OBJECT_GROUP, directory, list[i].number, &name, err);
		list[i].name = us_slice_dup(arena, us_str_slice(&name));
	}
	us_str_fini(&name);
	return rc;
}

static enum us_errc load_groups(struct us_group_names *names, struct us_dbc *c, struct us_arena *arena, int64_t directory, int64_t revision,
	uint32_t user, const uint32_t **ret_groups, size_t *ret_n, struct us_err *err)
{
	const struct us_kept_key key = { US_KEPT_GROUPS_OF_USER, directory, revision, { (const char *) &user, sizeof user } };
	const struct us_member *members;
	struct us_slice bytes;
	size_t n;

	if (us_kept_find(names->kept, arena, &key, &bytes)) {
		*ret_groups = (const uint32_t *) bytes.p;
		*ret_n = bytes.n / sizeof **ret_groups;
		return US_OK;
	}
	enum us_errc rc = us_object_load_groups_of_user(c, arena, directory, user, &members, &n, err);
	if (rc)
		return rc;
	uint32_t *groups = us_arena_array(arena, n, sizeof *groups);
	for (size_t i = 0; i < n; i++)
		groups[i] = members[i].number;
	us_kept_keep(names->kept, &key, (struct us_slice) { (const char *) groups, n * sizeof *groups });
	*ret_groups = groups;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_group_names_list(struct us_group_names *names, struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user,
	struct us_named **ret_list, size_t *ret_n, struct us_err *err)
{
	const uint32_t *groups;
	int64_t revision;
	size_t n;
	enum us_errc rc = us_directory_load_revision(c, directory, &revision, err);

	if (!rc)
		rc = load_groups(names, c, arena, directory, revision, user, &groups, &n, err);
	if (rc)
		return rc;
	struct us_named *list = us_arena_array(arena, n, sizeof *list);
	for (size_t i = 0; i < n; i++)
		list[i].number = groups[i];
	if (find_all(names, arena, directory, revision, list, n)) {
		rc = load_missing(c, arena, directory, list, n, err);
		if (rc)
			return rc;
		keep_all(names, directory, revision, list, n);
	}
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}
