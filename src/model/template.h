/* Template: one text of several values: "{sn}, {givenName}".
 *
 * Braces hold a path, or several with | between: the first that is there. An empty one at the end, "{initials|}", stands for "or nothing". "{{" and "}}"
 * are braces. Of several values the first counts. A template gives nothing unless each of its places has a value.
 */
#ifndef US_MODEL_TEMPLATE_H
#define US_MODEL_TEMPLATE_H

#include "model/path.h"

enum { US_TEMPLATE_MAX_BYTES = 2000, US_TEMPLATE_MAX_PARTS = 100 };

struct us_template_part {
	struct us_slice literal; /* n_paths 0 */
	struct us_path *paths;
	size_t n_paths;
	bool is_optional;
};

struct us_template {
	const struct us_template_part *parts;
	size_t n_parts;
	size_t n_places; /* parts with paths */
};

/* Everything lives in arena. Errors: US_CONFIG. */
enum us_errc us_template_parse(struct us_arena *arena, struct us_slice text, struct us_template *ret_template, struct us_err *err);
/* false: a place has no value. */
bool us_template_fill(const struct us_template *template, struct us_path_record *record, struct us_slice *ret_text);

#endif
