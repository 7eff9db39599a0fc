/* Report: a run's status object, shown to people; and following a run until it ends. */
#ifndef US_CMD_REPORT_H
#define US_CMD_REPORT_H

#include <stdio.h>

#include "cmd/cli.h"

/* Several lines: status, counters, messages, and what to do next if it is held. */
void us_report_print(struct us_cli *cli, const struct us_json *status);
/* One line, if a run of the connector, as a listing gives it, waits for a decision; shown: a run whose report says so itself, or NULL. */
void us_report_waiting(const struct us_json *connector, const struct us_json *shown, FILE *out);
/* The exit code that the run's status stands for: DONE 0, HELD 3, all else that has ended 1; SCHEDULED and RUNNING 0. */
int us_report_exit(const struct us_json *status);
bool us_report_is_over(const struct us_json *status);

/* Polls the run until it is over or timeout_s has passed (0: no limit), with a progress bar on a terminal and a line for each change of
 * phase elsewhere, on standard error. *ret_answer: the last status. Gives US_EXIT_OK when the run is over, however it ended. */
int us_report_follow(struct us_cli *cli, int64_t run, int64_t timeout_s, struct us_client_answer *ret_answer);

/* Follow, print (raw with --json), exit code: what every --wait does. */
int us_report_wait(struct us_cli *cli, int64_t run, const char *timeout);

#endif
