/* Transfer: what export and import of connectors share. */
#ifndef US_API_TRANSFER_H
#define US_API_TRANSFER_H

#include "api/call.h"

/* US_INVALID if somebody gives a passphrase in the address, where proxies and logs keep it. */
enum us_errc us_transfer_refuse_in_query(struct us_call *call, struct us_err *err);

#endif
