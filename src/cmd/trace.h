/* What preview and explain share: a configuration from a file, and the steps of a mapping as a table. */
#ifndef US_CMD_TRACE_H
#define US_CMD_TRACE_H

#include "cmd/cli.h"

/* The JSON object in a file; complains and gives an exit code if there is none. */
int us_trace_read_object(struct us_cli *cli, const char *path, const struct us_json **ret_doc);
/* The configuration in a file: one alone, or that of a connector. */
int us_trace_read_configuration(struct us_cli *cli, const char *path, const struct us_json **ret_configuration);
/* "rows" of an answer. */
void us_trace_print_rows(const struct us_json *rows);

#endif
