/* Configuration file: "key = value" lines, '#' comments, nothing else. For the client (~/.config/usersync/config) and for serve --config. */
#ifndef US_CMD_CONF_H
#define US_CMD_CONF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct us_conf_entry {
	const char *key, *value; /* NUL-terminated, trimmed */
	int line;
};
struct us_conf_file {
	struct us_conf_entry *entries;
	size_t n;
};

/* is_private: a file that its group or others can read is refused, since it may hold a password.
 * known: names of the keys that may stand in it, ends with NULL.
 * Errors: US_NOT_FOUND there is no such file; US_CONFIG, the text names file and line. */
enum us_errc us_conf_file_load(struct us_arena *arena, const char *path, bool is_private, const char *const *known,
	struct us_conf_file *ret_file, struct us_err *err);
/* The last value of key; NULL if there is none. */
const char *us_conf_file_find(const struct us_conf_file *file, const char *key);

#endif
