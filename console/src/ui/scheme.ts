/** Light, dark, or as the system says; kept for this tab. */

import { signal } from '@preact/signals';

const SCHEMES = ['system', 'light', 'dark'] as const;

/** A colour scheme that the user can choose. */
export type Scheme = (typeof SCHEMES)[number];

const ENTRY = 'sa-contexts.scheme';

/** The scheme in force. */
export const scheme = signal<Scheme>(stored());

/** Use the next scheme. */
export function nextScheme(): void {
  scheme.value = SCHEMES[(SCHEMES.indexOf(scheme.value) + 1) % SCHEMES.length] ?? 'system';
}

/** Keep the document in the chosen scheme. */
export function applyScheme(): void {
  scheme.subscribe((value) => {
    if (value === 'system') delete document.documentElement.dataset['scheme'];
    else document.documentElement.dataset['scheme'] = value;
    try {
      if (value === 'system') sessionStorage.removeItem(ENTRY);
      else sessionStorage.setItem(ENTRY, value);
    } catch {
      // Storage may be forbidden; the choice then ends with the page.
    }
    dispatchEvent(new Event('schemechange'));
  });
}

function stored(): Scheme {
  try {
    return SCHEMES.find((each) => each === sessionStorage.getItem(ENTRY)) ?? 'system';
  } catch {
    return 'system';
  }
}
