/**
 * The credential of this tab: an API key, or a token of the issuer.
 *
 * It is kept in the tab's session storage alone, which ends with the tab: never in local storage,
 * never in a URL.
 */

import { computed, signal } from '@preact/signals';

/** What authenticates this tab. */
export interface Credential {
  kind: 'key' | 'token';
  value: string;
  /** When a token ends, in milliseconds since 1970. */
  expires?: number;
}

const ENTRY = 'sa-contexts.credential';

const current = signal<Credential | undefined>(stored());

/** The credential, if there is one. */
export const credential = computed(() => current.value);

/** Keep a credential for this tab, or forget it. */
export function keepCredential(value: Credential | undefined): void {
  if (value === undefined) sessionStorage.removeItem(ENTRY);
  else sessionStorage.setItem(ENTRY, JSON.stringify(value));
  current.value = value;
}

function stored(): Credential | undefined {
  try {
    const value = JSON.parse(sessionStorage.getItem(ENTRY) ?? 'null') as Partial<Credential> | null;
    if (typeof value?.value !== 'string' || value.value === '') return undefined;
    const { kind = 'key', expires } = value;
    return { kind, value: value.value, ...(expires === undefined ? {} : { expires }) };
  } catch {
    return undefined;
  }
}
