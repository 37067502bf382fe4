/** The generated client, set up for this page: where the server is, with what credential, how it fails. */

import { signal } from '@preact/signals';

import { client } from '../../client/client.gen';
import { credential } from './credential';
import { asRejection, rejectionOf } from './rejection';

/** Whether the server refused to answer without a credential, or with the one that this tab has. */
export const isSignInNeeded = signal(false);

/** The page's folder, without a slash at its end: it may be below a proxy's prefix. */
export const base = new URL('.', document.baseURI).href.replace(/\/$/, '');

/** Prepare the generated client; every failure becomes a `Rejection`. */
export function setUpClient(): void {
  client.setConfig({
    baseUrl: base,
    auth: () => credential.value?.value,
    fetch: fetchOrThrow,
  });
}

/** Fetch; every status but success is thrown as a rejection. */
export async function fetchOrThrow(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(input, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw asRejection(error);
  }
  if (response.ok) return response;
  const rejection = await rejectionOf(response);
  if (rejection.isUnauthenticated) isSignInNeeded.value = true;
  throw rejection;
}

/** An answer's body: unwraps what the generated functions return. */
export async function body<Data>(asked: Promise<{ data: Data }>): Promise<Data> {
  return (await asked).data;
}
