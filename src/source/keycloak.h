/* Source driver for Keycloak, 17 and newer. */
#ifndef US_SOURCE_KEYCLOAK_H
#define US_SOURCE_KEYCLOAK_H

#include "source/source.h"

extern const struct us_source_ops us_source_keycloak;

#endif
