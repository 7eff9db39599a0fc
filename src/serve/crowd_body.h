/* Body: what a client sent, in XML or JSON, read by the same names. Lenient in form: the media type is a hint, the first character decides. */
#ifndef US_SERVE_CROWD_BODY_H
#define US_SERVE_CROWD_BODY_H

#include "base/json.h"
#include "base/xml.h"
#include "serve/crowd_call.h"

/* A place in it: one of the two, or neither (not there). */
struct us_crowd_body {
	const struct us_xml *xml;
	const struct us_json *json;
};

/* ILLEGAL_ARGUMENT with the place, if it is neither, or empty. */
enum us_errc us_crowd_body_read(struct us_crowd_call *call, struct us_arena *arena, struct us_crowd_body *ret_body, struct us_err *err);

/* The member of that name: in XML a child. */
struct us_crowd_body us_crowd_body_find(struct us_crowd_body at, const char *name);
static inline bool us_crowd_body_is_there(struct us_crowd_body at) { return at.xml || at.json; }
/* The text of a member: in XML of a child, without the blanks around it, else of an attribute; NONE if it is not there. Numbers and booleans are their
 * JSON text. */
struct us_slice us_crowd_body_text(struct us_arena *arena, struct us_crowd_body at, const char *name);
/* The same with its blanks: of passwords they are a part. */
struct us_slice us_crowd_body_exact(struct us_arena *arena, struct us_crowd_body at, const char *name);

/* The items of a list: children of that name in XML, an array in JSON (a single value counts as one). Index from 0; not there: the end. */
struct us_crowd_body us_crowd_body_item(struct us_crowd_body list, const char *item, size_t at);
/* The text of a place itself, with its blanks; NONE if it is none. */
struct us_slice us_crowd_body_value(struct us_arena *arena, struct us_crowd_body at);

#endif
