/** What peers and tunnels share: the columns of their SA contexts, bytes and rates. */

import { count } from '../format/numbers';
import type { Column } from '../ui/columns';
import { Bytes, None, Rate } from '../ui/words';

/** Numbers of SA contexts; null if they are not known yet. */
interface Contexts {
  readonly saContexts: number | null;
  readonly completeSaContexts: number | null;
}

/** Bytes in both directions; null if they are not counted. */
interface Traffic {
  readonly bytesInbound: string | null;
  readonly bytesOutbound: string | null;
  readonly bytesInboundPerSecond: number | null;
  readonly bytesOutboundPerSecond: number | null;
}

/** Return the bytes in both directions. */
export function total({
  bytesInbound,
  bytesOutbound,
}: Pick<Traffic, 'bytesInbound' | 'bytesOutbound'>): number | null {
  if (bytesInbound === null && bytesOutbound === null) return null;
  return Number(bytesInbound ?? 0) + Number(bytesOutbound ?? 0);
}

/** Return how many of the SA contexts are complete, to be appended to their number: ` (all complete)`. */
export function complete({ saContexts, completeSaContexts }: Record<keyof Contexts, number>): string {
  if (saContexts === 0) return '';
  return completeSaContexts === saContexts
    ? saContexts === 1
      ? ' (complete)'
      : ' (all complete)'
    : ` (${count(completeSaContexts)} complete)`;
}

/** Return the column of SA contexts, which shows how many of them are complete. */
export function contextsColumn<Item extends Contexts>(width: string): Column<Item> {
  return {
    id: 'saContexts',
    label: 'SA contexts',
    windows: 'quick mode SAs',
    width,
    isNumber: true,
    cell: ({ saContexts, completeSaContexts }) =>
      saContexts === null || completeSaContexts === null ? (
        <None meaning="unknown" />
      ) : (
        <span class="number" title={`${String(completeSaContexts)} of ${String(saContexts)} are complete`}>
          {completeSaContexts === saContexts
            ? count(saContexts)
            : `${count(completeSaContexts)}/${count(saContexts)}`}
        </span>
      ),
    text: (item) => item.saContexts,
  };
}

/** Return the columns of bytes and of both rates. */
export function trafficColumns<Item extends Traffic>(
  bytesWidth: string,
  rateWidth: string,
): readonly Column<Item>[] {
  return [
    {
      id: 'bytes',
      label: 'Bytes',
      width: bytesWidth,
      isNumber: true,
      cell: (item) => <Bytes value={total(item)} />,
      text: total,
    },
    {
      id: 'bytesInboundPerSecond',
      label: 'In',
      width: rateWidth,
      isNumber: true,
      cell: (item) => <Rate value={item.bytesInboundPerSecond} />,
      text: (item) => item.bytesInboundPerSecond,
    },
    {
      id: 'bytesOutboundPerSecond',
      label: 'Out',
      width: rateWidth,
      isNumber: true,
      cell: (item) => <Rate value={item.bytesOutboundPerSecond} />,
      text: (item) => item.bytesOutboundPerSecond,
    },
  ];
}
