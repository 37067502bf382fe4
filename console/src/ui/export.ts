/** Export of what is on show, as CSV or as NDJSON; the browser makes the file, no server is asked. */

import type { Column } from './columns';

/** A cell that a spreadsheet would take for a formula (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** Return rows as CSV (RFC 4180); cells that look like formulas get an apostrophe before them. */
export function csv<Item>(columns: readonly Column<Item>[], rows: readonly Item[]): string {
  const lines = rows.map((row) => columns.map((column) => field(column.text(row))).join(','));
  return [columns.map((column) => field(column.id)).join(','), ...lines, ''].join('\r\n');
}

/** Return rows as the API has them, one JSON object a line. */
export function ndjson(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** Let the browser save a text as a file. */
export function save(text: string, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 10_000);
}

/** Return a file's name with the host and the time: `sa-contexts-web01-20261130T0941Z.csv`. */
export function fileName(table: string, host: string, ending: string): string {
  const time = new Date().toISOString().replace(/[-:]/g, '').slice(0, 13);
  const safe = host.replace(/[^\w.-]+/g, '_').slice(0, 60);
  return `${table}${safe === '' ? '' : `-${safe}`}-${time}Z.${ending}`;
}

function field(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
