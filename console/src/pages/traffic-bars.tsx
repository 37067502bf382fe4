/** The peers with most traffic, as bars. */

import { bytes } from '../format/numbers';
import { link } from '../route/route';
import { Bars } from '../ui/bars';
import { Nothing } from '../ui/panel';

/** Show addresses with their bytes, in both directions together. */
export function TrafficBars({ items }: { items: readonly (readonly [string, number])[] }) {
  if (items.length === 0) return <Nothing>There is no peer.</Nothing>;
  const most = Math.max(...items.map(([, value]) => value));
  return (
    <div class="addresses">
      <Bars
        label="Traffic by peer"
        whole={most}
        format={bytes}
        parts={items.map(([address, value]) => ({
          id: address,
          label: address,
          value,
          to: link(['peers', address]),
          colour: 'part-1',
        }))}
      />
    </div>
  );
}
