/** The menu that exports rows as CSV or as NDJSON. */

import { host } from '../live/host';
import type { Column } from './columns';
import { csv, fileName, ndjson, save } from './export';
import { Menu } from './menu';

/** Show the menu; `rows` are those on show, and `csvLabel` says what a line of CSV has. */
export function ExportMenu<Item>({
  table,
  columns,
  rows,
  csvLabel,
}: {
  table: string;
  columns: readonly Column<Item>[];
  rows: () => readonly Item[];
  csvLabel: string;
}) {
  const name = (ending: string): string => fileName(table, host.value, ending);
  const choices: [string, () => void][] = [
    [
      csvLabel,
      () => {
        save(csv(columns, rows()), name('csv'), 'text/csv');
      },
    ],
    [
      'NDJSON, all fields',
      () => {
        save(ndjson(rows()), name('ndjson'), 'application/x-ndjson');
      },
    ],
  ];
  return (
    <Menu icon="download" label="Export">
      {(close) => (
        <div class="choices column">
          {choices.map(([label, run]) => (
            <button
              key={label}
              type="button"
              class="choice"
              onClick={() => {
                run();
                close();
              }}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </Menu>
  );
}
