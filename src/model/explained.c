#include "model/explained.h"

void us_explained_fini(struct us_explained *explained)
{
	us_str_fini(&explained->source);
	us_str_fini(&explained->rules);
	us_arena_fini(&explained->arena);
}
