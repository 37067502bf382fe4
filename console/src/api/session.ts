/** Signing in and out: with an API key, or at the issuer that the settings name. */

import { effect, signal } from '@preact/signals';

import { base, isSignInNeeded } from './client';
import { credential, keepCredential } from './credential';
import { asRejection, type Rejection } from './rejection';

/** What the server says of signing in; it holds no secret. */
export interface Configuration {
  /** Whether callers need a credential at all. */
  readonly isAuthenticationRequired: boolean;
  /** Whether API keys are accepted. */
  readonly acceptsApiKeys: boolean;
  /** The issuer at which users of the console sign in; absent if none is set up. */
  readonly oidc?: Issuer | null;
}

/** An issuer, and how this page is known to it. */
export interface Issuer {
  readonly issuer: string;
  readonly clientId: string;
  /** The audience that the server requires in tokens. */
  readonly audience: string;
  readonly scopes: readonly string[];
}

/** What the server says of signing in, once it is known. */
export const configuration = signal<Configuration | undefined>(undefined);

/** Why signing in at the issuer failed. */
export const signInRejection = signal<Rejection | undefined>(undefined);

/** Whether it is known if a credential is needed; until then, nothing is asked that might need one. */
export const isSessionKnown = signal(credential.value !== undefined);

/** Read how to sign in, take up an issuer's answer, and sign out when a token ends. */
export function followSession(): void {
  void begin();
  effect(() => {
    const expires = credential.value?.expires;
    if (expires === undefined) return undefined;
    const timer = setTimeout(signOut, Math.min(Math.max(0, expires - Date.now()), 2 ** 31 - 1));
    return () => {
      clearTimeout(timer);
    };
  });
}

/** Use an API key for this tab. */
export function signInWithKey(key: string): void {
  keepCredential({ kind: 'key', value: key });
  isSignInNeeded.value = false;
}

/** Forget the credential. */
export function signOut(): void {
  keepCredential(undefined);
  isSignInNeeded.value = configuration.value?.isAuthenticationRequired !== false;
}

async function begin(): Promise<void> {
  try {
    const response = await fetch(`${base}/console/configuration.json`);
    if (response.ok) configuration.value = (await response.json()) as Configuration;
    const { isAuthenticationRequired, oidc } = configuration.value ?? {};
    if (isAuthenticationRequired === true && credential.value === undefined) isSignInNeeded.value = true;
    if (oidc !== undefined && oidc !== null) {
      const { takeUp } = await import('./oidc');
      await takeUp(oidc);
    }
  } catch (error) {
    signInRejection.value = asRejection(error);
  } finally {
    isSessionKnown.value = true;
  }
}
