/* Crowd: Atlassian's REST protocol for user directories, resource "usermanagement", versions 1 and latest.
 *
 * XML unless JSON is asked for. Every answer carries X-Embedded-Crowd-Version, without which Atlassian's client refuses the server.
 * Spec: developer.atlassian.com/server/crowd/crowd-rest-resources (2026-11-23).
 */
#ifndef US_SERVE_CROWD_H
#define US_SERVE_CROWD_H

#include "net/httpd.h"

struct us_serve;

#define US_CROWD_LABEL "crowd"

/* Answers a request below /crowd. */
enum us_httpd_next us_crowd_handle(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer);
/* As us_serve_refuse. */
void us_crowd_refuse_request(struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer);

#endif
