/** IP addresses: recognised, and put in order. */

/** Return whether a text is an IPv4 or IPv6 address, perhaps with a zone. */
export function isAddress(text: string): boolean {
  return orderOf(text) !== undefined;
}

/** Return a text whose order is the order of the addresses: IPv4 first, then by value. */
export function orderOf(address: string): string | undefined {
  const v4 = v4Groups(address);
  if (v4 !== undefined) return `4${v4.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
  const v6 = v6Groups(address.split('%', 1)[0] ?? '');
  return v6 === undefined ? undefined : `6${v6.map((part) => part.toString(16).padStart(4, '0')).join('')}`;
}

function v4Groups(text: string): number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.every((part) => part <= 255) ? parts : undefined;
}

function v6Groups(text: string): number[] | undefined {
  if (!text.includes(':') || !/^[0-9a-f:.]+$/i.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groups);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (tail === undefined) return head.length === 8 ? head : undefined;
  const gap = 8 - head.length - tail.length;
  return gap < 1 ? undefined : [...head, ...new Array<number>(gap).fill(0), ...tail];
}

function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const found: number[] = [];
  for (const part of text.split(':')) {
    const v4 = v4Groups(part);
    if (v4 !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = v4;
      found.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) found.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return found;
}
