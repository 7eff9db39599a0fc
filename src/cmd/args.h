/* Arguments of one verb: flags from a table, operands counted. Help and shell completion are made from the same tables. */
#ifndef US_CMD_ARGS_H
#define US_CMD_ARGS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A long option. A list ends with name NULL. */
struct us_flag {
	const char *name;  /* without dashes */
	const char *value; /* what stands for its value in the help ("AGE"); NULL: it takes none */
	const char *help;  /* half a line */
	char letter;       /* short form; 0: none */
};

#define US_ARGS_MAX_FLAGS 24

struct us_args {
	const char *own[US_ARGS_MAX_FLAGS];    /* by place in the verb's list: NULL not given, "" given without value */
	const char *common[US_ARGS_MAX_FLAGS]; /* by place in the common list; those given before the verb stay */
	char **operands;
	int n_operands;
};

/* Parses argv[1…]. own may be NULL; a flag of it hides the common one of the same name. until_operand: stop at the first operand, for what
 * stands before the verb.
 * false: *ret_problem (in arena) says what is wrong with which argument. */
bool us_args_parse(struct us_arena *arena, const struct us_flag *own, const struct us_flag *common, bool until_operand, int argc, char **argv,
	struct us_args *args, const char **ret_problem);

/* "  --max-age AGE     oldest good age …" for each flag. */
void us_args_describe(struct us_str *out, const struct us_flag *flags);

/* "90", "90s", "15m", "2h", "7d" or a row of them ("1h30m") as seconds; false if it is none of these or more than ten years. */
bool us_args_duration(const char *text, int64_t *ret_s);

#endif
