/** The tools of a table: which columns, and export of what is on show. */

import type { Signal } from '@preact/signals';

import type { Column } from './columns';
import { ExportMenu } from './export-menu';
import { Menu } from './menu';
import { useIsNarrow } from './narrow';

/** Show the tools of a table. */
export function Tools<Item>({
  table,
  columns,
  chosen,
  rows,
}: {
  table: string;
  columns: readonly Column<Item>[];
  chosen: Signal<readonly string[]>;
  rows: () => readonly Item[];
}) {
  const isNarrow = useIsNarrow(); // rows then have no columns
  const shown = columns.filter((each) => chosen.value.includes(each.id));
  return (
    <>
      {!isNarrow && (
        <Menu icon="columns" label="Columns">
          {() => (
            <div class="choices column" role="group" aria-label="Columns">
              {columns.map((column) => (
                <label class="check" key={column.id}>
                  <input
                    type="checkbox"
                    checked={chosen.value.includes(column.id)}
                    onChange={(event) => {
                      const wanted = new Set(chosen.value);
                      if (event.currentTarget.checked) wanted.add(column.id);
                      else if (wanted.size > 1) wanted.delete(column.id);
                      chosen.value = columns.map((each) => each.id).filter((each) => wanted.has(each));
                    }}
                  />
                  <span>{column.label}</span>
                  {column.windows !== undefined && <span class="soft small">{column.windows}</span>}
                </label>
              ))}
            </div>
          )}
        </Menu>
      )}
      <ExportMenu table={table} columns={shown} rows={rows} csvLabel="CSV, the columns on show" />
    </>
  );
}
