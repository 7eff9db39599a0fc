/* Building JSON trees in an arena, as they come from parsing. Keys and texts are borrowed: they live at least as long as the tree. */
#ifndef US_BASE_JSON_BUILD_H
#define US_BASE_JSON_BUILD_H

#include "base/json.h"

static inline struct us_json us_json_of_text(struct us_slice text) { return (struct us_json) { .type = US_JSON_STRING, .string = text }; }
static inline struct us_json us_json_of_bool(bool value) { return (struct us_json) { .type = US_JSON_BOOL, .boolean = value }; }

struct us_json_object {
	struct us_arena *arena;
	struct us_json_member *members;
	size_t n, cap;
};
void us_json_object_add(struct us_json_object *object, struct us_slice key, struct us_json value);
/* In its place if the key is there, else at the end. */
void us_json_object_set(struct us_json_object *object, struct us_slice key, struct us_json value);
void us_json_object_remove(struct us_json_object *object, struct us_slice key);
/* A text that is not there (NONE) is no member. */
void us_json_object_add_text(struct us_json_object *object, const char *key, struct us_slice text);
/* All members of a tree, to be changed; NULL: none. */
struct us_json_object us_json_object_of(struct us_arena *arena, const struct us_json *from);
struct us_json us_json_object_done(const struct us_json_object *object);

struct us_json_array {
	struct us_arena *arena;
	struct us_json *items;
	size_t n, cap;
};
void us_json_array_add(struct us_json_array *array, struct us_json value);
struct us_json us_json_array_done(const struct us_json_array *array);

/* Whether both are the same value; the order of members does not count. Trees of parsed texts alone: it goes down into them by recursion, which
 * their parser has bounded. */
bool us_json_is_equal(const struct us_json *a, const struct us_json *b);

#endif
