/* Status: the object that describes one run. Its members, their order and spelling are the contract of monitoring scripts. */
#ifndef US_API_STATUS_H
#define US_API_STATUS_H

#include "api/call.h"

void us_status_write(struct us_jsonw *w, struct us_api *api, const struct us_run *run);
/* Loads the run with the call's connection and writes it as the answer. */
enum us_errc us_status_answer(struct us_call *call, int64_t run, struct us_err *err);

#endif
