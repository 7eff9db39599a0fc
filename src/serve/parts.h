/* What the serving side is made of; only serve/ includes this. */
#ifndef US_SERVE_PARTS_H
#define US_SERVE_PARTS_H

#include <stdatomic.h>

#include "net/throttle.h"
#include "serve/gate.h"
#include "serve/group_names.h"
#include "serve/logins.h"
#include "serve/serve.h"
#include "serve/session.h"
#include "serve/worker.h"

struct us_serve {
	struct us_serve_conf conf;
	struct us_gate *gate;
	struct us_worker *worker;     /* does what waits for others */
	struct us_throttle *throttle; /* of users' passwords */
	struct us_sessions *sessions;
	struct us_logins *logins;
	struct us_group_names *group_names;
	atomic_int streams; /* answers that hold a reader while they are sent */
};

#endif
