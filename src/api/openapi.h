/* The OpenAPI document, made from the route table and the option schemas. */
#ifndef US_API_OPENAPI_H
#define US_API_OPENAPI_H

#include "base/str.h"
#include "model/option.h"

void us_openapi_write(const struct us_type *types, const struct us_option *sync_options, struct us_str *out);

#endif
