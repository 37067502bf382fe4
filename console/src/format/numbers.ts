/** Numbers and amounts as people read them. */

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** Return a count with separators: `12,345`. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** Return a count and its noun: `1 peer`, `12,345 peers`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Return an amount of bytes with three digits: `1.73 GB`. */
export function bytes(value: number): string {
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)} ${UNITS[unit] ?? ''}`;
}

/** Return a rate in bytes: `1.73 MB/s`. */
export function rate(value: number): string {
  return `${bytes(value)}/s`;
}

/** Return a share of a whole: `12 %`, `< 1 %`. */
export function share(part: number, whole: number): string {
  if (whole === 0) return '0 %';
  const percent = (100 * part) / whole;
  return percent > 0 && percent < 1 ? '< 1 %' : `${percent.toFixed(0)} %`;
}
