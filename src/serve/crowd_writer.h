/* Entities of the Crowd protocol, in XML or JSON, appended to a text.
 *
 * The names of members are the same in both; lists stand in JSON under their plural. A list's item is never an empty element: there are
 * clients that do not survive one.
 */
#ifndef US_SERVE_CROWD_WRITER_H
#define US_SERVE_CROWD_WRITER_H

#include "base/json.h"
#include "serve/view.h"

struct us_crowd_writer {
	struct us_str *out;
	bool is_json;
	struct us_jsonw w;    /* of out, with is_json */
	struct us_slice base; /* of links: "http://host/crowd/rest/usermanagement/1" */
};

void us_crowd_writer_init(struct us_crowd_writer *writer, struct us_str *out, bool is_json, struct us_slice base);

enum us_crowd_depth {
	US_CROWD_NAME,       /* the name and its link, as in lists that are not expanded */
	US_CROWD_WHOLE,      /* without attributes */
	US_CROWD_ATTRIBUTES, /* with them */
};
/* image may be NULL with US_CROWD_NAME. */
void us_crowd_put_user(struct us_crowd_writer *writer, struct us_slice name, int64_t directory, uint32_t number, const struct us_user_image *image,
	enum us_crowd_depth depth);
/* <childUser>, by name. */
void us_crowd_put_child_user(struct us_crowd_writer *writer, struct us_slice name);
void us_crowd_put_group(struct us_crowd_writer *writer, struct us_slice name, const struct us_group_image *image, enum us_crowd_depth depth);
/* The attributes as a document of their own; owner: "user?username=…" without the base. */
void us_crowd_put_attributes(struct us_crowd_writer *writer, const struct us_field *attributes, size_t n);
/* begin, then items, then end. what: "user" or "group". */
void us_crowd_begin_list(struct us_crowd_writer *writer, const char *what);
void us_crowd_end_list(struct us_crowd_writer *writer, const char *what);
void us_crowd_put_error(struct us_crowd_writer *writer, const char *reason, struct us_slice message);

/* What stands before a document; nothing in JSON. */
void us_crowd_put_head(struct us_crowd_writer *writer);
/* <name>text</name>, or "name":"text"; NONE is an empty text. */
void us_crowd_put_text(struct us_crowd_writer *writer, const char *name, struct us_slice text);

/* The member "link": base, path and the encoded name. */
void us_crowd_put_link(struct us_crowd_writer *writer, const char *path, struct us_slice name, const char *rel);

/* The key that stays with a user over renames; parse: false if it is none. */
void us_crowd_add_key(struct us_str *out, int64_t directory, uint32_t number);
bool us_crowd_parse_key(struct us_slice key, int64_t *ret_directory, uint32_t *ret_number);

#endif
