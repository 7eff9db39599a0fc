#include "serve/crowd_writer.h"

#include "base/xml.h"
#include "net/target.h"

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"

void us_crowd_writer_init(struct us_crowd_writer *writer, struct us_str *out, bool is_json, struct us_slice base)
{
	*writer = (struct us_crowd_writer) { .out = out, .is_json = is_json, .w = US_JSONW_INIT(out), .base = base };
}

void us_crowd_put_head(struct us_crowd_writer *writer)
{
	if (!writer->is_json)
		us_str_add_text(writer->out, XML_HEAD);
}

/* An attribute that holds a text: ` name="text"`. */
static void add_attribute(struct us_str *out, const char *name, struct us_slice text)
{
	us_str_add_char(out, ' ');
	us_str_add_text(out, name);
	us_str_add(out, "=\"", 2);
	us_xml_add_escaped(out, text);
	us_str_add_char(out, '"');
}

void us_crowd_put_text(struct us_crowd_writer *writer, const char *name, struct us_slice text)
{
	struct us_str *out = writer->out;

	if (writer->is_json) {
		us_jsonw_put_string(&writer->w, name, text.p ? text : US_SLICE(""));
		return;
	}
	us_str_add_char(out, '<');
	us_str_add_text(out, name);
	us_str_add_char(out, '>');
	us_xml_add_escaped(out, text);
	us_str_add(out, "</", 2);
	us_str_add_text(out, name);
	us_str_add_char(out, '>');
}

/* What it is made of needs no escaping: the base was checked. */
void us_crowd_put_link(struct us_crowd_writer *writer, const char *path, struct us_slice name, const char *rel)
{
	struct us_str *out = writer->out;

	if (writer->is_json) {
		us_jsonw_key(&writer->w, "link");
		us_str_add_text(out, "{\"href\":\"");
	} else {
		us_str_add_text(out, "<link href=\"");
	}
	us_str_add_slice(out, writer->base);
	us_str_add_text(out, path);
	us_target_add_encoded(out, name);
	if (writer->is_json) {
		us_str_add_text(out, "\",\"rel\":\"");
		us_str_add_text(out, rel);
		us_str_add(out, "\"}", 2);
		writer->w.want_comma = true;
	} else {
		us_str_add_text(out, "\" rel=\"");
		us_str_add_text(out, rel);
		us_str_add(out, "\"/>", 3);
	}
}

void us_crowd_add_key(struct us_str *out, int64_t directory, uint32_t number)
{
	us_str_add_int(out, directory);
	us_str_add_char(out, ':');
	us_str_add_int(out, number);
}

bool us_crowd_parse_key(struct us_slice key, int64_t *ret_directory, uint32_t *ret_number)
{
	const char *colon = key.n ? memchr(key.p, ':', key.n) : NULL;
	int64_t number;

	if (!colon || !us_slice_to_int((struct us_slice) { key.p, (size_t) (colon - key.p) }, ret_directory) ||
		!us_slice_to_int((struct us_slice) { colon + 1, key.n - (size_t) (colon - key.p) - 1 }, &number) || number < 1 || number > UINT32_MAX)
		return false;
	*ret_number = (uint32_t) number;
	return true;
}

/* ---- attributes ---- */

static void put_attributes_json(struct us_crowd_writer *writer, const struct us_field *attributes, size_t n)
{
	struct us_jsonw *w = &writer->w;

	us_jsonw_key(w, "attributes");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		us_jsonw_open(w, '{');
		us_jsonw_put_string(w, "name", attributes[i].name);
		us_jsonw_key(w, "values");
		us_jsonw_open(w, '[');
		for (size_t v = 0; v < attributes[i].n; v++)
			us_jsonw_string(w, attributes[i].values[v]);
		us_jsonw_close(w, ']');
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, ']');
}

static void put_attributes_xml(struct us_str *out, const struct us_field *attributes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		us_str_add_text(out, "<attribute");
		add_attribute(out, "name", attributes[i].name);
		us_str_add_text(out, "><values>");
		for (size_t v = 0; v < attributes[i].n; v++) {
			us_str_add_text(out, "<value>");
			us_xml_add_escaped(out, attributes[i].values[v]);
			us_str_add_text(out, "</value>");
		}
		us_str_add_text(out, "</values></attribute>");
	}
}

void us_crowd_put_attributes(struct us_crowd_writer *writer, const struct us_field *attributes, size_t n)
{
	if (writer->is_json) {
		us_jsonw_open(&writer->w, '{');
		put_attributes_json(writer, attributes, n);
		us_jsonw_close(&writer->w, '}');
		return;
	}
	us_str_add_text(writer->out, "<attributes>");
	put_attributes_xml(writer->out, attributes, n);
	us_str_add_text(writer->out, "</attributes>");
}

/* The member "attributes" of an entity: them, or where they are. */
static void put_attributes_member(struct us_crowd_writer *writer, const char *path, struct us_slice name, const struct us_field *attributes, size_t n,
	enum us_crowd_depth depth)
{
	if (writer->is_json) {
		us_jsonw_key(&writer->w, "attributes");
		us_jsonw_open(&writer->w, '{');
		put_attributes_json(writer, attributes, depth == US_CROWD_ATTRIBUTES ? n : 0);
		us_crowd_put_link(writer, path, name, "self");
		us_jsonw_close(&writer->w, '}');
		return;
	}
	us_str_add_text(writer->out, "<attributes>");
	us_crowd_put_link(writer, path, name, "self");
	if (depth == US_CROWD_ATTRIBUTES)
		put_attributes_xml(writer->out, attributes, n);
	us_str_add_text(writer->out, "</attributes>");
}

/* ---- users and groups ---- */

/* The opening of an entity up to its link. */
static void open_entity(struct us_crowd_writer *writer, const char *what, const char *path, struct us_slice name, enum us_crowd_depth depth)
{
	if (writer->is_json) {
		us_jsonw_open(&writer->w, '{');
		if (depth != US_CROWD_NAME)
			us_jsonw_put_text(&writer->w, "expand", "attributes");
		us_crowd_put_link(writer, path, name, "self");
		us_jsonw_put_string(&writer->w, "name", name);
		return;
	}
	us_str_add_char(writer->out, '<');
	us_str_add_text(writer->out, what);
	add_attribute(writer->out, "name", name);
	if (depth != US_CROWD_NAME)
		us_str_add_text(writer->out, " expand=\"attributes\"");
	us_str_add_char(writer->out, '>');
	us_crowd_put_link(writer, path, name, "self");
}

static void close_entity(struct us_crowd_writer *writer, const char *what)
{
	if (writer->is_json) {
		us_jsonw_close(&writer->w, '}');
		return;
	}
	us_str_add(writer->out, "</", 2);
	us_str_add_text(writer->out, what);
	us_str_add_char(writer->out, '>');
}

static void put_bool(struct us_crowd_writer *writer, const char *name, bool value)
{
	if (writer->is_json)
		us_jsonw_put_bool(&writer->w, name, value);
	else
		us_crowd_put_text(writer, name, value ? US_SLICE("true") : US_SLICE("false"));
}

/* Where a password can be set; never one. */
static void put_password(struct us_crowd_writer *writer, struct us_slice name)
{
	if (writer->is_json) {
		us_jsonw_key(&writer->w, "password");
		us_jsonw_open(&writer->w, '{');
		us_crowd_put_link(writer, "/user/password?username=", name, "edit");
		us_jsonw_close(&writer->w, '}');
		return;
	}
	us_str_add_text(writer->out, "<password>");
	us_crowd_put_link(writer, "/user/password?username=", name, "edit");
	us_str_add_text(writer->out, "</password>");
}

void us_crowd_put_user(struct us_crowd_writer *writer, struct us_slice name, int64_t directory, uint32_t number, const struct us_user_image *image,
	enum us_crowd_depth depth)
{
	char text[48];
	struct us_str key = { .p = text, .cap = sizeof text };

	open_entity(writer, "user", "/user?username=", name, depth);
	if (depth != US_CROWD_NAME) {
		const struct us_user *u = &image->user;
		us_crowd_put_text(writer, "first-name", u->first_name);
		us_crowd_put_text(writer, "last-name", u->last_name);
		us_crowd_put_text(writer, "display-name", u->full_name.n ? u->full_name : u->name);
		us_crowd_put_text(writer, "email", u->email);
		put_password(writer, name);
		us_crowd_add_key(&key, directory, number);
		us_crowd_put_text(writer, "key", us_str_slice(&key));
		put_bool(writer, "active", u->active);
		put_attributes_member(writer, "/user/attribute?username=", name, u->attributes, u->n_attributes, depth);
	}
	close_entity(writer, "user");
}

void us_crowd_put_child_user(struct us_crowd_writer *writer, struct us_slice name)
{
	open_entity(writer, "childUser", "/user?username=", name, US_CROWD_NAME);
	close_entity(writer, "childUser");
}

void us_crowd_put_group(struct us_crowd_writer *writer, struct us_slice name, const struct us_group_image *image, enum us_crowd_depth depth)
{
	open_entity(writer, "group", "/group?groupname=", name, depth);
	if (depth != US_CROWD_NAME) {
		us_crowd_put_text(writer, "description", image->group.description);
		us_crowd_put_text(writer, "type", US_SLICE("GROUP"));
		put_bool(writer, "active", true);
		put_attributes_member(writer, "/group/attribute?groupname=", name, image->group.attributes, image->group.n_attributes, depth);
	}
	close_entity(writer, "group");
}

/* ---- lists, errors ---- */

void us_crowd_begin_list(struct us_crowd_writer *writer, const char *what)
{
	us_crowd_put_head(writer);
	if (writer->is_json) {
		us_jsonw_open(&writer->w, '{');
		us_jsonw_put_text(&writer->w, "expand", what);
		us_jsonw_key(&writer->w, what[0] == 'u' ? "users" : "groups");
		us_jsonw_open(&writer->w, '[');
	} else {
		us_str_add_char(writer->out, '<');
		us_str_add_text(writer->out, what);
		us_str_add_text(writer->out, "s expand=\"");
		us_str_add_text(writer->out, what);
		us_str_add_text(writer->out, "\">");
	}
}

void us_crowd_end_list(struct us_crowd_writer *writer, const char *what)
{
	if (writer->is_json) {
		us_jsonw_close(&writer->w, ']');
		us_jsonw_close(&writer->w, '}');
	} else {
		us_str_add_text(writer->out, "</");
		us_str_add_text(writer->out, what);
		us_str_add_text(writer->out, "s>");
	}
}

void us_crowd_put_error(struct us_crowd_writer *writer, const char *reason, struct us_slice message)
{
	us_crowd_put_head(writer);
	if (writer->is_json)
		us_jsonw_open(&writer->w, '{');
	else
		us_str_add_text(writer->out, "<error>");
	us_crowd_put_text(writer, "reason", us_slice(reason));
	us_crowd_put_text(writer, "message", message);
	if (writer->is_json)
		us_jsonw_close(&writer->w, '}');
	else
		us_str_add_text(writer->out, "</error>");
}
