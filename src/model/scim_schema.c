#include "model/scim_schema.h"

#include <strings.h>

#define END { .name = NULL }

/* ---- what most lists of values have ---- */

#define TYPE(values) { .name = "type", .description = "What the value is for", .canonical = values }
#define DISPLAY { .name = "display", .description = "A name of the value for people" }
#define KEPT_DISPLAY { .name = "display", .description = "A name of the value for people", .is_kept_whole = true }
#define KEPT_PRIMARY \
	{ .name = "primary", .description = "Whether it is the preferred value; at most one is", .type = US_SCIM_BOOLEAN, .is_kept_whole = true }
#define PRIMARY { .name = "primary", .description = "Whether it is the preferred value; at most one is", .type = US_SCIM_BOOLEAN }

static const struct us_scim_attribute name_parts[] = {
	{ .name = "formatted", .description = "The full name, as it is shown" },
	{ .name = "familyName", .description = "The family name" },
	{ .name = "givenName", .description = "The first name" },
	{ .name = "middleName", .description = "The middle names", .is_kept_whole = true },
	{ .name = "honorificPrefix", .description = "What stands before the name, such as Dr.", .is_kept_whole = true },
	{ .name = "honorificSuffix", .description = "What stands behind the name, such as III", .is_kept_whole = true },
	END,
};

static const struct us_scim_attribute email_parts[] = {
	{ .name = "value", .description = "The e-mail address" },
	KEPT_DISPLAY,
	{ .name = "type", .description = "What the address is for", .canonical = "work|home|other", .is_made = true },
	{ .name = "primary", .description = "Whether it is the preferred address; at most one is", .type = US_SCIM_BOOLEAN, .is_made = true },
	END,
};

static const struct us_scim_attribute phone_parts[] = {
	{ .name = "value", .description = "The telephone number" },
	KEPT_DISPLAY,
	TYPE("work|home|mobile|fax|pager|other"),
	KEPT_PRIMARY,
	END,
};

static const struct us_scim_attribute im_parts[] = {
	{ .name = "value", .description = "The address for instant messages" },
	DISPLAY,
	TYPE("aim|gtalk|icq|xmpp|msn|skype|qq|yahoo"),
	PRIMARY,
	END,
};

static const struct us_scim_attribute photo_parts[] = {
	{ .name = "value", .description = "The address of an image", .type = US_SCIM_REFERENCE, .is_case_exact = true, .refers_to = "external" },
	DISPLAY,
	TYPE("photo|thumbnail"),
	PRIMARY,
	END,
};

static const struct us_scim_attribute address_parts[] = {
	{ .name = "formatted", .description = "The whole address, as it is written" },
	{ .name = "streetAddress", .description = "Street and number" },
	{ .name = "locality", .description = "City" },
	{ .name = "region", .description = "State or region" },
	{ .name = "postalCode", .description = "Postal code" },
	{ .name = "country", .description = "Country, as two letters of ISO 3166-1" },
	TYPE("work|home|other"),
	PRIMARY,
	END,
};

static const struct us_scim_attribute user_group_parts[] = {
	{ .name = "value", .description = "The id of the group", .is_case_exact = true, .mutability = US_SCIM_READ_ONLY },
	{ .name = "$ref", .description = "The address of the group", .type = US_SCIM_REFERENCE, .is_case_exact = true,
		.mutability = US_SCIM_READ_ONLY, .refers_to = "Group" },
	{ .name = "display", .description = "The name of the group", .mutability = US_SCIM_READ_ONLY },
	{ .name = "type", .description = "Whether the user is a member of the group itself, or of a group in it", .mutability = US_SCIM_READ_ONLY,
		.canonical = "direct|indirect" },
	END,
};

static const struct us_scim_attribute role_parts[] = {
	{ .name = "value", .description = "The value itself" },
	KEPT_DISPLAY,
	{ .name = "type", .description = "What the value is for" },
	KEPT_PRIMARY,
	END,
};

static const struct us_scim_attribute certificate_parts[] = {
	{ .name = "value", .description = "The certificate in DER", .type = US_SCIM_BINARY, .is_case_exact = true },
	DISPLAY,
	{ .name = "type", .description = "What the value is for" },
	PRIMARY,
	END,
};

/* ---- User ---- */

static const struct us_scim_attribute user_attributes[] = {
	{ .name = "userName", .description = "The name of the user; unique in the directory without regard to case", .is_required = true,
		.uniqueness = US_SCIM_SERVER },
	{ .name = "name", .description = "The parts of the name", .type = US_SCIM_COMPLEX, .sub = name_parts },
	{ .name = "displayName", .description = "The name as it is shown to people" },
	{ .name = "nickName", .description = "What the user is called" },
	{ .name = "profileUrl", .description = "The address of a page about the user", .type = US_SCIM_REFERENCE, .is_case_exact = true,
		.refers_to = "external" },
	{ .name = "title", .description = "The title, such as Head of Sales" },
	{ .name = "userType", .description = "How the user belongs to the organisation, such as Employee" },
	{ .name = "preferredLanguage", .description = "The preferred language, as in Accept-Language" },
	{ .name = "locale", .description = "The place whose forms of dates and numbers are used, such as de-DE" },
	{ .name = "timezone", .description = "The time zone, such as Europe/Berlin" },
	{ .name = "active", .description = "Whether the user may log in", .type = US_SCIM_BOOLEAN },
	{ .name = "password", .description = "A new password; it is never given out", .is_case_exact = true, .mutability = US_SCIM_WRITE_ONLY,
		.returned = US_SCIM_NEVER },
	{ .name = "emails", .description = "E-mail addresses", .type = US_SCIM_COMPLEX, .is_multi = true, .sub = email_parts },
	{ .name = "phoneNumbers", .description = "Telephone numbers", .type = US_SCIM_COMPLEX, .is_multi = true, .sub = phone_parts },
	{ .name = "ims", .description = "Addresses for instant messages", .type = US_SCIM_COMPLEX, .is_multi = true, .sub = im_parts,
		.is_kept_whole = true },
	{ .name = "photos", .description = "Addresses of images", .type = US_SCIM_COMPLEX, .is_multi = true, .sub = photo_parts,
		.is_kept_whole = true },
	{ .name = "addresses", .description = "Postal addresses", .type = US_SCIM_COMPLEX, .is_multi = true, .sub = address_parts,
		.is_kept_whole = true },
	{ .name = "groups", .description = "The groups that the user is in; changed at the groups", .type = US_SCIM_COMPLEX, .is_multi = true,
		.mutability = US_SCIM_READ_ONLY, .sub = user_group_parts },
	{ .name = "entitlements", .description = "What the user is entitled to", .type = US_SCIM_COMPLEX, .is_multi = true, .sub = role_parts },
	{ .name = "roles", .description = "The roles of the user", .type = US_SCIM_COMPLEX, .is_multi = true, .sub = role_parts },
	{ .name = "x509Certificates", .description = "Certificates of the user", .type = US_SCIM_COMPLEX, .is_multi = true,
		.sub = certificate_parts, .is_kept_whole = true },
	END,
};

static const struct us_scim_schema user_schema = {
	.id = US_SCIM_URN_USER,
	.name = "User",
	.description = "A user",
	.attributes = user_attributes,
};

/* ---- EnterpriseUser ---- */

static const struct us_scim_attribute manager_parts[] = {
	{ .name = "value", .description = "The id of the manager", .is_case_exact = true },
	{ .name = "$ref", .description = "The address of the manager", .type = US_SCIM_REFERENCE, .is_case_exact = true, .refers_to = "User" },
	{ .name = "displayName", .description = "The name of the manager", .mutability = US_SCIM_READ_ONLY },
	END,
};

static const struct us_scim_attribute enterprise_attributes[] = {
	{ .name = "employeeNumber", .description = "The number that the organisation knows the user by" },
	{ .name = "costCenter", .description = "The cost centre" },
	{ .name = "organization", .description = "The organisation" },
	{ .name = "division", .description = "The division" },
	{ .name = "department", .description = "The department" },
	{ .name = "manager", .description = "The manager of the user", .type = US_SCIM_COMPLEX, .sub = manager_parts, .is_kept_whole = true },
	END,
};

static const struct us_scim_schema enterprise_schema = {
	.id = US_SCIM_URN_ENTERPRISE,
	.name = "EnterpriseUser",
	.description = "What an organisation knows of a user",
	.attributes = enterprise_attributes,
	.is_extension = true,
};

/* ---- Group ---- */

static const struct us_scim_attribute member_parts[] = {
	{ .name = "value", .description = "The id of the member", .is_case_exact = true, .mutability = US_SCIM_IMMUTABLE },
	{ .name = "$ref", .description = "The address of the member", .type = US_SCIM_REFERENCE, .is_case_exact = true,
		.mutability = US_SCIM_IMMUTABLE, .refers_to = "User|Group" },
	{ .name = "type", .description = "Whether the member is a user or a group", .mutability = US_SCIM_IMMUTABLE, .canonical = "User|Group" },
	{ .name = "display", .description = "The name of the member", .mutability = US_SCIM_READ_ONLY },
	END,
};

static const struct us_scim_attribute group_attributes[] = {
	{ .name = "displayName", .description = "The name of the group; unique in the directory without regard to case", .is_required = true,
		.uniqueness = US_SCIM_SERVER },
	{ .name = "members", .description = "The users and groups that are in the group itself", .type = US_SCIM_COMPLEX, .is_multi = true,
		.sub = member_parts },
	END,
};

static const struct us_scim_schema group_schema = {
	.id = US_SCIM_URN_GROUP,
	.name = "Group",
	.description = "A group",
	.attributes = group_attributes,
};

/* ---- common ---- */

static const struct us_scim_attribute meta_parts[] = {
	{ .name = "resourceType", .description = "The kind of resource", .is_case_exact = true, .mutability = US_SCIM_READ_ONLY },
	{ .name = "created", .description = "When it came into the directory", .type = US_SCIM_DATE, .mutability = US_SCIM_READ_ONLY },
	{ .name = "lastModified", .description = "When it was changed last", .type = US_SCIM_DATE, .mutability = US_SCIM_READ_ONLY },
	{ .name = "location", .description = "Its address", .type = US_SCIM_REFERENCE, .is_case_exact = true, .mutability = US_SCIM_READ_ONLY,
		.refers_to = "uri" },
	{ .name = "version", .description = "Its version, as in ETag", .is_case_exact = true, .mutability = US_SCIM_READ_ONLY },
	END,
};

static const struct us_scim_attribute common_attributes[] = {
	{ .name = "schemas", .description = "The schemas of the resource", .type = US_SCIM_REFERENCE, .is_multi = true, .is_required = true,
		.is_case_exact = true, .returned = US_SCIM_ALWAYS, .refers_to = "uri" },
	{ .name = "id", .description = "The id, given by this server; never changed and never given twice", .is_case_exact = true,
		.mutability = US_SCIM_READ_ONLY, .returned = US_SCIM_ALWAYS, .uniqueness = US_SCIM_SERVER },
	{ .name = "externalId", .description = "The id at the identity provider", .is_case_exact = true },
	{ .name = "meta", .description = "About the resource", .type = US_SCIM_COMPLEX, .mutability = US_SCIM_READ_ONLY, .sub = meta_parts },
	END,
};

const struct us_scim_schema us_scim_common = { .attributes = common_attributes };

const struct us_scim_kind us_scim_user = {
	.name = "User",
	.endpoint = "/Users",
	.description = "Users of the directory",
	.schema = &user_schema,
	.extension = &enterprise_schema,
};
const struct us_scim_kind us_scim_group = {
	.name = "Group",
	.endpoint = "/Groups",
	.description = "Groups of the directory",
	.schema = &group_schema,
};

/* ---- looking up ---- */

const struct us_scim_attribute *us_scim_find_attribute(const struct us_scim_attribute *list, struct us_slice name)
{
	char first = (char) (name.n ? name.p[0] | 0x20 : 0);

	for (; list && list->name; list++)
		if ((list->name[0] | 0x20) == first && us_slice_is_nocase(name, list->name))
			return list;
	return NULL;
}

const struct us_scim_attribute *us_scim_find_core(
	const struct us_scim_kind *kind, struct us_slice name, const struct us_scim_schema **ret_schema)
{
	const struct us_scim_attribute *a = us_scim_find_attribute(kind->schema->attributes, name);

	if (a) {
		*ret_schema = kind->schema;
		return a;
	}
	if ((a = us_scim_find_attribute(us_scim_common.attributes, name)))
		*ret_schema = &us_scim_common;
	return a;
}

const struct us_scim_attribute *us_scim_value_of(const struct us_scim_attribute *attribute)
{
	return us_scim_find_attribute(attribute->sub, US_SLICE("value"));
}

/* ---- names ---- */

const char *us_scim_type_name(enum us_scim_type_of type)
{
	static const char *const names[] = { "string", "boolean", "dateTime", "reference", "binary", "complex" };

	return names[type];
}

const char *us_scim_mutability_name(enum us_scim_mutability mutability)
{
	static const char *const names[] = { "readWrite", "readOnly", "immutable", "writeOnly" };

	return names[mutability];
}

const char *us_scim_returned_name(enum us_scim_returned returned)
{
	static const char *const names[] = { "default", "always", "never", "request" };

	return names[returned];
}

const char *us_scim_uniqueness_name(enum us_scim_uniqueness uniqueness)
{
	static const char *const names[] = { "none", "server" };

	return names[uniqueness];
}

const char *us_scim_fault_name(int fault)
{
	static const char *const names[] = {
		NULL,
#define X(fault, name) name,
		US_SCIM_FAULT_TABLE(X)
#undef X
	};

	return fault > 0 && fault < US_SCIM_FAULT_COUNT ? names[fault] : NULL;
}
