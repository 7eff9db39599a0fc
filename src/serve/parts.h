/* What the serving side is made of; only serve/ includes this. */
#ifndef US_SERVE_PARTS_H
#define US_SERVE_PARTS_H

#include <stdatomic.h>

#include "base/worker.h"
#include "net/throttle.h"
#include "serve/gate.h"
#include "serve/group_names.h"
#include "serve/logins.h"
#include "serve/serve.h"
#include "serve/session.h"

enum { US_SERVE_ASKERS = 3 };

/* What waits for others waits apart from what waits for somebody else: the store's writer may be busy for long, an identity provider may hang, and
 * whoever has a password here must be let in all the same. */
struct us_serve {
	struct us_serve_conf conf;
	struct us_gate *gate;
	struct us_worker *writers;
	struct us_worker *checkers;                 /* passwords that are known here */
	struct us_worker *askers[US_SERVE_ASKERS];  /* those of synced users; by the number of the directory */
	struct us_throttle *throttle; /* of users' passwords */
	struct us_sessions *sessions;
	struct us_logins *logins;
	struct us_kept *kept;
	struct us_group_names *group_names;
	atomic_int streams; /* answers that hold a reader while they are sent */
};

#endif
