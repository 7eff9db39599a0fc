/* Schemas of what the API takes and gives, as JSON text. Those of connectors' configurations are made from their options. */
#ifndef US_API_SCHEMAS_H
#define US_API_SCHEMAS_H

struct us_schema {
	const char *name;
	const char *json;
};
extern const struct us_schema us_schemas[]; /* ends with name NULL */

#endif
