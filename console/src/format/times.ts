/** Times as people read them: local, with UTC beside them. */

/** Formats are costly to make, so each is made when it is first needed. */
const formats = new Map<string, Intl.DateTimeFormat>();

const STEPS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** Return the local time of day, with the date unless it is today. */
export function localTime(time: string | number | Date, now = Date.now()): string {
  const date = new Date(time);
  return isSameDay(date, new Date(now))
    ? format({ timeStyle: 'medium' }, date)
    : format({ dateStyle: 'medium', timeStyle: 'medium' }, date);
}

/** Return the local time in hours and minutes. */
export function localMinute(time: string | number | Date): string {
  return format({ timeStyle: 'short' }, new Date(time));
}

/** Return the local time for an axis, as short as it can be: 24 hours, with seconds if they differ. */
export function axisTime(time: number, hasSeconds: boolean): string {
  return format(
    {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...(hasSeconds ? { second: '2-digit' as const } : {}),
    },
    new Date(time),
  );
}

/** Return the local day. */
export function localDay(time: string | number | Date): string {
  return format({ dateStyle: 'medium' }, new Date(time));
}

/** Return a time in UTC, to the second: `2026-11-30 09:41:07 UTC`. */
export function utc(time: string | number | Date): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Return a duration in its two largest units: `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return seconds <= 0 ? '0 s' : '< 1 s';
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [size, unit] of STEPS) {
    if (rest < size && parts.length === 0) continue;
    const whole = Math.floor(rest / size);
    if (whole > 0) parts.push(`${String(whole)} ${unit}`);
    rest -= whole * size;
    if (parts.length === 2 || (parts.length === 1 && whole === 0)) break;
  }
  return parts.join(' ');
}

/** Return how long ago a time was: `5 min ago`, `just now`. */
export function ago(time: string | number | Date, now: number): string {
  const seconds = (now - new Date(time).getTime()) / 1000;
  if (seconds <= -2) return `in ${duration(-seconds)}`; // less is a difference of clocks
  return seconds < 2 ? 'just now' : `${duration(seconds).split(' ').slice(0, 2).join(' ')} ago`;
}

function format(options: Intl.DateTimeFormatOptions, date: Date): string {
  const key = JSON.stringify(options);
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat(undefined, options);
    formats.set(key, made);
  }
  return made.format(date);
}

function isSameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}
