/* A zone out of the system's files, for tests. */
#ifndef US_TESTS_ZONE_H
#define US_TESTS_ZONE_H

#include "unit.h"

#include "base/zonefile.h"
#include "model/zone.h"

static inline void zone_load(struct us_arena *arena, const char *name, struct us_zone *ret)
{
	struct us_err err = US_ERR_INIT;
	struct us_str bytes = US_STR_INIT;

	if (us_zonefile_read(us_slice(name), &bytes, &err) != US_OK || us_zone_parse(arena, us_str_slice(&bytes), ret, &err) != US_OK)
		fail_msg("%s: %s", name, err.text);
	us_str_fini(&bytes);
}

#endif
