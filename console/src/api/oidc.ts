/**
 * Signing in at an OIDC issuer: the authorization code flow with PKCE (RFC 7636), by oauth4webapi.
 *
 * The page leaves for the issuer and comes back with a code in its query; verifier and state wait in
 * the tab's session storage meanwhile, and the code is removed from the address at once.
 */

import * as oauth from 'oauth4webapi';

import { base, isSignInNeeded } from './client';
import { keepCredential } from './credential';
import { Rejection } from './rejection';
import type { Issuer } from './session';

const ENTRY = 'sa-contexts.sign-in';

interface Pending {
  verifier: string;
  state: string;
  nonce: string;
  hash: string;
}

/**
 * Leave for the issuer.
 *
 * @throws Rejection if it cannot be reached, or cannot sign anybody in.
 */
export async function signInAtIssuer(issuer: Issuer): Promise<void> {
  await leave(issuer).catch((error: unknown) => {
    throw rejectionBy(issuer, error);
  });
}

/**
 * Exchange the code with which the issuer sent the page back, if it did.
 *
 * @throws Rejection if it sent none, or none that it exchanges.
 */
export async function takeUp(issuer: Issuer): Promise<void> {
  await exchange(issuer).catch((error: unknown) => {
    throw rejectionBy(issuer, error);
  });
}

async function leave(issuer: Issuer): Promise<void> {
  const server = await discover(issuer);
  if (server.authorization_endpoint === undefined)
    throw new Error('The issuer names no authorization endpoint.');
  const pending: Pending = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    hash: location.hash,
  };
  sessionStorage.setItem(ENTRY, JSON.stringify(pending));
  const url = new URL(server.authorization_endpoint);
  const parameters = {
    client_id: issuer.clientId,
    redirect_uri: redirectUri(),
    response_type: 'code',
    scope: issuer.scopes.join(' '),
    audience: issuer.audience, // issuers that derive it from the scopes ignore this (RFC 6749, 3.1)
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

async function exchange(issuer: Issuer): Promise<void> {
  const entry = sessionStorage.getItem(ENTRY);
  const here = new URL(location.href);
  if (entry === null || !(here.searchParams.has('code') || here.searchParams.has('error'))) return;
  sessionStorage.removeItem(ENTRY);
  const pending = JSON.parse(entry) as Pending;
  history.replaceState(null, '', `${here.pathname}${pending.hash}`);
  dispatchEvent(new HashChangeEvent('hashchange'));

  const server = await discover(issuer);
  const client: oauth.Client = { client_id: issuer.clientId };
  const parameters = oauth.validateAuthResponse(server, client, here, pending.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    redirectUri(),
    pending.verifier,
    insecureOnLoopback(issuer),
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: pending.nonce,
  });
  keepCredential({
    kind: 'token',
    value: tokens.access_token,
    ...(tokens.expires_in === undefined ? {} : { expires: Date.now() + tokens.expires_in * 1000 }),
  });
  isSignInNeeded.value = false;
}

/** Return why signing in failed: in the issuer's words, if it gave any. */
function rejectionBy({ issuer }: Issuer, error: unknown): Rejection {
  const { host } = new URL(issuer);
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError)
    return new Rejection(400, error.error, `${host} did not sign you in`, error.error_description ?? '');
  const detail = error instanceof Error ? error.message : String(error);
  return error instanceof TypeError && !('code' in error)
    ? new Rejection(0, 'no_answer', `${host} does not answer`, detail)
    : new Rejection(400, 'sign_in_failed', `What ${host} answered cannot be used`, detail);
}

async function discover({ issuer }: Issuer): Promise<oauth.AuthorizationServer> {
  const identifier = new URL(issuer);
  const response = await oauth.discoveryRequest(identifier, insecureOnLoopback({ issuer }));
  return oauth.processDiscoveryResponse(identifier, response);
}

/** Allow plain HTTP to an issuer on this computer alone, as the server does. */
function insecureOnLoopback({ issuer }: Pick<Issuer, 'issuer'>): Record<symbol, boolean> {
  const { hostname, protocol } = new URL(issuer);
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- so that its use stands out; it does
  return { [oauth.allowInsecureRequests]: protocol === 'http:' && isLoopback };
}

function redirectUri(): string {
  return `${base}/`;
}
