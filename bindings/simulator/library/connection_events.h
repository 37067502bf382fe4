/* Announcing connections that begin and end. Under LOCK_ENGINE. */

#ifndef SIMULATOR_CONNECTION_EVENTS_H
#define SIMULATOR_CONNECTION_EVENTS_H

#include "connection_store.h"
#include "wfp.h"

/* Tells those whose template matches, unless the engine keeps no track of connections. */
void publish_connection(FWPM_CONNECTION_EVENT_TYPE type, const connection *connection);

/* Checks that a session may ask for connections. Returns an error code, or 0. */
UINT32 connections_check_engine(HANDLE engineHandle);

#endif
