/* What every verb of the command line shares: the table's row, the way to the server, exit codes, messages. */
#ifndef US_CMD_CLI_H
#define US_CMD_CLI_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "cmd/args.h"
#include "cmd/client.h"

enum us_exit {
	US_EXIT_OK = 0,
	US_EXIT_FAILED = 1, /* the server or the run said no */
	US_EXIT_USAGE = 2,  /* the command line is wrong */
	US_EXIT_HELD = 3,   /* the run waits for a decision */
};

struct us_cli {
	struct us_arena arena;     /* lives as long as the program */
	const struct us_verb *verb;
	struct us_args args;
	bool as_json;              /* --json: print the server's answer as it is */
	struct us_client *client;  /* made by the first call */
};

struct us_verb {
	const char *name;              /* "sync", "connector list" */
	const char *operands;          /* "CONNECTOR", "NAME USER"; shown in the usage line */
	const char *summary;           /* half a line for the list of verbs */
	const char *more;              /* paragraphs for its own help; NULL: none */
	const struct us_flag *flags;   /* of its own; NULL: none */
	int min_operands, max_operands;
	bool is_local;                 /* talks to no server: the common flags do not apply */
	bool is_plugin;                /* wrong usage is UNKNOWN (3) to a monitoring system, not CRITICAL (2) */
	int (*run)(struct us_cli *cli);
};

/* Ends with name NULL. */
extern const struct us_verb us_verbs[];
extern const struct us_flag us_cli_common_flags[];

/* The value of one of the verb's own flags; NULL if it was not given. */
const char *us_cli_flag(const struct us_cli *cli, const char *name);

/* "usersync: …" on standard error; gives US_EXIT_FAILED. */
int us_cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "usersync sync: …" and where the help is; gives US_EXIT_USAGE. */
int us_cli_misuse(const struct us_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One call. us_cli_try gives the error back; us_cli_call prints it and gives the exit code (US_EXIT_OK if all is well). */
enum us_errc us_cli_try(struct us_cli *cli, const char *method, const char *path, struct us_slice body, struct us_client_answer *ret_answer,
	struct us_err *err);
int us_cli_call(struct us_cli *cli, const char *method, const char *path, struct us_slice body, struct us_client_answer *ret_answer);
/* The answer's body as it came, and a line feed. */
void us_cli_print_raw(const struct us_client_answer *answer);

/* A path with each %s filled by a quoted segment; quoting is here and nowhere else. At most four. */
const char *us_cli_path(struct us_cli *cli, const char *format, ...);

/* The connector of the server's list that key names: by UUID, number or name, in this order; false if there is none. */
bool us_cli_match_connector(const struct us_json *list, const char *key, const struct us_json **ret_connector);
/* A connector by UUID, number or name, as the server shows it. Prints what is wrong and gives the exit code. US_EXIT_OK: *ret_connector. */
int us_cli_find_connector(struct us_cli *cli, const char *key, const struct us_json **ret_connector);
/* A directory by its number, by its name if it has no connector, or that of a connector by name or UUID. Prints what is wrong and gives the exit code. */
int us_cli_find_directory(struct us_cli *cli, const char *key, int64_t *ret_id);
/* A run by its number; or the last run of a connector by the connector's name or UUID. */
int us_cli_find_run(struct us_cli *cli, const char *key, int64_t *ret_run);

/* Text of a member, NUL-terminated in the arena; the fallback if it is no string. */
const char *us_cli_text(struct us_cli *cli, const struct us_json *obj, const char *key, const char *fallback);
/* A member that is an array of strings: "a,b" taken apart, white space around each left out; nothing if list is NULL. */
void us_cli_put_list(struct us_jsonw *w, const char *key, const char *list);
/* "3 min", "2 h", "5 days": the larger unit only. */
const char *us_cli_span(struct us_cli *cli, int64_t seconds);
/* Asks on a terminal; without one, or on any other answer than yes, false. */
bool us_cli_confirm(const char *question);

#endif
