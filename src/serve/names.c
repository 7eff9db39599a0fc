#include "serve/names.h"

#include <stdlib.h>

enum { PLACES = 1 << 17, NAME_BYTES = 59 };

/* A name that is longer is not kept. */
struct place {
	uint32_t number; /* 0: free */
	unsigned char n;
	char name[NAME_BYTES];
};

struct us_names {
	enum us_object object;
	int64_t directory;
	struct us_str name;
	struct place *places; /* untouched ones cost no memory */
};

struct us_names *us_names_new(enum us_object object, int64_t directory)
{
	struct us_names *names = us_calloc(1, sizeof *names);

	names->object = object;
	names->directory = directory;
	names->places = us_calloc(PLACES, sizeof *names->places);
	return names;
}

void us_names_free(struct us_names *names)
{
	if (!names)
		return;
	us_str_fini(&names->name);
	free(names->places);
	free(names);
}

enum us_errc us_names_load(struct us_names *names, struct us_dbc *c, uint32_t number, struct us_slice *ret_name, struct us_err *err)
{
	struct place *p = &names->places[number % PLACES];

	if (p->number == number) {
		*ret_name = (struct us_slice) { p->name, p->n };
		return US_OK;
	}
	enum us_errc rc = us_object_load_name(c, names->object, names->directory, number, &names->name, err);
	if (rc)
		return rc;
	*ret_name = us_str_slice(&names->name);
	if (ret_name->n <= NAME_BYTES) {
		p->number = number;
		p->n = (unsigned char) ret_name->n;
		memcpy(p->name, ret_name->p, ret_name->n);
	}
	return US_OK;
}
