/** A place that does not exist. */

import { Nothing } from '../ui/panel';

/** Say that there is no such page. */
export function NotFound() {
  return (
    <>
      <h1>There is no such page</h1>
      <Nothing>
        The <a href="#/">overview</a> leads to all others.
      </Nothing>
    </>
  );
}
