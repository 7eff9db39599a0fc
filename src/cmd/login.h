/* Login: which server, as whom. Options win over the environment, the environment over ~/.config/usersync/config. */
#ifndef US_CMD_LOGIN_H
#define US_CMD_LOGIN_H

#include "cmd/client.h"

/* Options as given; NULL where not. A user without a password is asked for it on a terminal.
 * Errors: US_CONFIG; US_UNAUTHORIZED if there is a user but no password and no terminal. */
enum us_errc us_login_resolve(struct us_arena *arena, const char *url, const char *user, const char *token, const char *cacert,
	struct us_client_conf *ret_conf, struct us_err *err);

/* Asks on the terminal without showing the answer; NULL without a terminal. */
const char *us_login_ask(struct us_arena *arena, const char *question);
/* A new password for somebody: USERSYNC_NEW_PASSWORD, else asked for twice on a terminal, else the first line of standard input. NULL: none was given. */
const char *us_login_new_password(struct us_arena *arena, const char *name);

#endif
