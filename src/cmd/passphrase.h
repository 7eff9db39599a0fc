/* The passphrase of sealed secrets: from the file that --passphrase-file names, else USERSYNC_PASSPHRASE,
 * else the terminal. */
#ifndef US_CMD_PASSPHRASE_H
#define US_CMD_PASSPHRASE_H

#include "cmd/cli.h"

/* is_new: asked for twice. NULL: there is none, or the two differ; it has been said why. */
const char *us_passphrase_find(struct us_cli *cli, bool is_new);

#endif
