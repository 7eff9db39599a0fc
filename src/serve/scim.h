/* SCIM 2.0 at /scim/v2/<directory>: an application reads one of its directories. The directory is named by its number or by the unique id of
 * its connector.
 * Spec: RFC 7643, RFC 7644, RFC 9865.
 */
#ifndef US_SERVE_SCIM_H
#define US_SERVE_SCIM_H

#include "serve/serve.h"

#define US_SCIM_LABEL "/scim/v2"

enum us_httpd_next us_scim_handle(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer);
/* As us_serve_refuse. */
void us_scim_refuse_request(struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer);

#endif
