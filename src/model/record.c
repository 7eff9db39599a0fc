#include "model/record.h"

#include <stdlib.h>
#include <strings.h>

#include "base/arena.h"

const struct us_field *us_record_find(const struct us_record *record, struct us_slice name)
{
	for (size_t i = 0; i < record->n_fields; i++) {
		const struct us_field *f = &record->fields[i];
		if (f->name.n == name.n && strncasecmp(f->name.p, name.p, name.n) == 0)
			return f;
	}
	return NULL;
}

/* The bytes that are hashed; small ones never leave the stack. */
struct bytes {
	char small[2048];
	char *p;
	size_t n, cap;
};

static void grow(struct bytes *b, size_t more)
{
	size_t cap = (b->n + more) * 2;
	char *grown = us_malloc(cap);

	memcpy(grown, b->p, b->n);
	if (b->p != b->small)
		free(b->p);
	b->p = grown;
	b->cap = cap;
}

/* Where the next n bytes go. */
static unsigned char *take(struct bytes *b, size_t n)
{
	if (n > b->cap - b->n)
		grow(b, n);
	b->n += n;
	return (unsigned char *) b->p + b->n - n;
}

static void begin(struct bytes *b)
{
	b->p = b->small;
	b->n = 0;
	b->cap = sizeof b->small;
}

static struct us_hash end(struct bytes *b)
{
	struct us_hash h = us_hash(b->p, b->n);

	if (b->p != b->small)
		free(b->p);
	return h;
}

static void write_count(unsigned char to[4], uint32_t n)
{
	to[0] = (unsigned char) (n >> 24);
	to[1] = (unsigned char) (n >> 16);
	to[2] = (unsigned char) (n >> 8);
	to[3] = (unsigned char) n;
}

/* Each value has its length in front, "not set" is length ~0: no two different records give the same bytes. */
static void put(struct bytes *b, struct us_slice s)
{
	unsigned char *to = take(b, 4 + s.n);

	write_count(to, s.p ? (uint32_t) s.n : UINT32_MAX);
	if (s.n)
		memcpy(to + 4, s.p, s.n);
}

static void put_attributes(struct bytes *b, const struct us_field *attributes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct us_field *a = &attributes[i];
		put(b, a->name);
		write_count(take(b, 4), (uint32_t) a->n);
		for (size_t k = 0; k < a->n; k++)
			put(b, a->values[k]);
	}
}

struct us_hash us_user_hash(const struct us_user *user)
{
	struct bytes b;

	begin(&b);
	put(&b, user->id);
	put(&b, user->name);
	put(&b, user->full_name);
	put(&b, user->first_name);
	put(&b, user->last_name);
	put(&b, user->email);
	*take(&b, 1) = user->active;
	put_attributes(&b, user->attributes, user->n_attributes);
	return end(&b);
}

struct us_hash us_group_hash(const struct us_group *group)
{
	struct bytes b;

	begin(&b);
	put(&b, group->id);
	put(&b, group->name);
	put(&b, group->description);
	put_attributes(&b, group->attributes, group->n_attributes);
	return end(&b);
}
