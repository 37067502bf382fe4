/* Notifications of connections that begin and end. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_CONNECTION_EVENTS_H
#define SIMULATOR_CONNECTION_EVENTS_H

#include "connection_store.h"
#include "wfp.h"

/* Notify the subscribers whose template matches. Do nothing if connections are not tracked. */
void publish_connection(FWPM_CONNECTION_EVENT_TYPE type, const connection *connection);

/* Check that the session may query connections. Return an error code, or 0. */
UINT32 connections_check_engine(HANDLE engineHandle);

#endif
