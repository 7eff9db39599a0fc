#include "source/source.h"

#include "source/file.h"
#include "source/inactive.h"
#include "source/ldap.h"
#include "source/keycloak.h"
#include "source/scim.h"

#define MAX_TYPES 16

/* One row for each kind of identity provider. */
static const struct us_source_ops *drivers[MAX_TYPES + 1] = {
	&us_source_ldap,
	&us_source_file,
	&us_source_keycloak,
	&us_source_inactive,
	&us_source_scim,
	NULL,
};

static struct us_type types[MAX_TYPES + 1];

void us_source_register(const struct us_source_ops *ops)
{
	size_t n = 0;

	while (drivers[n])
		n++;
	us_assert(n < MAX_TYPES);
	drivers[n] = ops;
}

const struct us_source_ops *us_source_find(struct us_slice type)
{
	for (size_t i = 0; drivers[i]; i++)
		if (us_slice_is(type, drivers[i]->type.name))
			return drivers[i];
	return NULL;
}

const struct us_type *us_source_types(void)
{
	/* Written once, by the first call, before there are threads that read it. */
	for (size_t i = 0; drivers[i]; i++)
		if (!types[i].name)
			types[i] = drivers[i]->type;
	return types;
}
