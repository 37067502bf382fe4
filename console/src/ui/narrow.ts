/** Whether the screen is as narrow as a phone's. */

import { useEffect, useState } from 'preact/hooks';

const narrow = matchMedia('(max-width: 640px)');

/** Return whether the screen is narrow, and render again when that changes. */
export function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const look = (): void => {
      setNarrow(narrow.matches);
    };
    narrow.addEventListener('change', look);
    return () => {
      narrow.removeEventListener('change', look);
    };
  }, []);
  return isNarrow;
}
