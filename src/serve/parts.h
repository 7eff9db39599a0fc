/* What the serving side is made of; only serve/ includes this. */
#ifndef US_SERVE_PARTS_H
#define US_SERVE_PARTS_H

#include <stdatomic.h>

#include "serve/gate.h"
#include "serve/serve.h"

struct us_serve {
	struct us_serve_conf conf;
	struct us_gate *gate;
	atomic_int streams; /* answers that hold a reader while they are sent */
};

#endif
