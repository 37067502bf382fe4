/* Connections as the engine returns them, generated from the store's connections. */

#ifndef SIMULATOR_GENERATOR_CONNECTION_H
#define SIMULATOR_GENERATOR_CONNECTION_H

#include "connection_store.h"
#include "generator.h"
#include "wfp.h"

/* A credential of the peer, with space for everything that it can point to. */
typedef struct generated_peer_credential {
    IKEEXT_PRESHARED_KEY_AUTHENTICATION1 preshared_key;
    IKEEXT_CERTIFICATE_CREDENTIAL1 certificate;
    IKEEXT_NAME_CREDENTIAL0 name;
    UINT8 subject[160];
    UINT8 hash[20];
} generated_peer_credential;

typedef struct generated_connection {
    FWPM_CONNECTION0 connection;
    GUID provider;
    generated_sa names; /* holds the peer's names */
    generated_peer_credential mm_peer;
    generated_peer_credential em_peer;
} generated_connection;

/* Generate a connection, whose pointers point into `out`. If `connection` was added with
 * sa_simulator_put_connection, copy the root of its tree instead; the copy's pointers point into
 * the tree. */
void generate_connection(generated_connection *out, const connection *connection);

#endif
