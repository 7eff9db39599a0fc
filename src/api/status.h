/* Status: the object that describes one run. Its members, their order and spelling are the contract of monitoring scripts. */
#ifndef US_API_STATUS_H
#define US_API_STATUS_H

#include "api/call.h"

void us_status_write(struct us_jsonw *w, struct us_api *api, const struct us_run *run);
/* A page of runs, {"runs":[…],"cursor"}: at most limit of the n; that there are more shows in the cursor, of that kind. */
void us_status_write_page(struct us_call *call, char kind, const struct us_run *runs, size_t n, size_t limit);
/* Loads the run with the call's connection and writes it as the answer. */
enum us_errc us_status_answer(struct us_call *call, int64_t run, struct us_err *err);

/* The last answers by connector, while nothing has been written since: monitoring asks the same again and again. */
struct us_status_cache *us_status_cache_new(void);
void us_status_cache_free(struct us_status_cache *cache);
/* Appends the text to out; false if it is not known. generation: of the database, as it is now. */
bool us_status_cache_find(struct us_status_cache *cache, struct us_slice key, uint64_t generation, struct us_str *out);
/* generation: read before the lease that text was made with. */
void us_status_cache_keep(struct us_status_cache *cache, struct us_slice key, uint64_t generation, struct us_slice text);

#endif
