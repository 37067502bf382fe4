/** The current time, once a second for all who show how long ago something was. */

import { signal } from '@preact/signals';

/** The current time in milliseconds since 1970, to the second. */
export const now = signal(Date.now());

/** Let the clock run, while somebody sees the page. */
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    now.value = Date.now();
  });
}
